--[[ Records that the owner is about to write a turn's prompt to its agent.
ARGV  1 fence  2 batch  3 seq  4 attempts allowed  5 events kept  6 events ttl ms  7… events
Reply {OK|REPEATED, attempt, queued ms}   {EXHAUSTED, attempts}   {EXPIRED} its time in the queue is over
      {INTERRUPTED} somebody wants it to stop
      {NOT_HEAD}   {FENCED}   {GAP}
]]
--@include keys
--@include codes
--@include time
--@include fence
--@include cut
--@include publish
local seq = ARGV[3]
local admitted = admit(ARGV[1], ARGV[2])
local turn = K_TURN .. seq
if admitted == REPEATED then
  local t = redis.call('HMGET', turn, 'attempts', 'queuedMs')
  return {REPEATED, tonumber(t[1] or '0'), tonumber(t[2] or '0')}
end
if admitted ~= OK then return {admitted} end
if redis.call('ZRANGE', K_LOG, 0, 0)[1] ~= seq then return {NOT_HEAD} end
local t = redis.call('HMGET', turn, 'attempts', 'at', 'expires', 'member', 'interrupt')
if t[5] then return {INTERRUPTED} end
if tonumber(t[1]) >= tonumber(ARGV[4]) then return {EXHAUSTED, tonumber(t[1])} end
-- A turn that began in time may be begun again after its owner was lost.
if t[3] and tonumber(t[1]) == 0 and now_ms() >= tonumber(t[3]) then return {EXPIRED} end
take_number(ARGV[2])
if t[3] then redis.call('ZREM', K_DEADLINES, t[4] .. ' ' .. seq) end
local attempt = redis.call('HINCRBY', turn, 'attempts', 1)
local queued = now_ms() - tonumber(t[2])
redis.call('HSET', turn, 'state', 'running', 'queuedMs', queued)
redis.call('HSET', K_SESSION, 'looks', 0)
-- In hand it stays first, whatever is put ahead of those that wait.
redis.call('ZADD', K_LOG, '-inf', seq)
redis.call('DEL', K_PERMISSIONS)
cut_transcript()
publish(ARGV[5], ARGV[6], 7)
return {OK, attempt, queued}
