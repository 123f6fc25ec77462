--[[ Writes a turn's one result and takes it out of the log.
ARGV  1 fence  2 batch  3 seq  4 result (JSON)  5 messages (JSON)  6 'finished' | 'failed'  7 claude session id
      8 transcript chunks that are part of the past from now on  9 cost in dollars  10 note for the next prompt, or ''
      11 member (encoded session id)  12 ms to remember the turn  13 ms until the next look of a sweep
      14 events kept  15 events ttl ms  16… events
Reply {OK|REPEATED, turns left in the log}   {ALREADY} the turn has a result   {FENCED}   {GAP}
]]
--@include keys
--@include codes
--@include time
--@include fence
--@include publish
local seq, member = ARGV[3], ARGV[11]
local admitted = admit(ARGV[1], ARGV[2])
if admitted == REPEATED then return {REPEATED, redis.call('ZCARD', K_LOG)} end
if admitted ~= OK then return {admitted} end
if not redis.call('ZSCORE', K_LOG, seq) then return {ALREADY} end
-- What an argument can make fail comes first: a script that fails half-way is not undone.
local chunks = math.min(tonumber(ARGV[8]), redis.call('LLEN', K_TRANSCRIPT))
redis.call('HINCRBYFLOAT', K_SESSION, 'cost', ARGV[9])
redis.call('ZREM', K_LOG, seq)
take_number(ARGV[2])
local now = now_ms()
local turn = K_TURN .. seq
redis.call('HSET', turn, 'result', ARGV[4], 'messages', ARGV[5], 'state', ARGV[6])
redis.call('PEXPIRE', turn, ARGV[12])
redis.call('ZADD', K_DONE, now, seq .. ' ' .. redis.call('HGET', turn, 'id'))
redis.call('HSET', K_SESSION, 'transcript', chunks,
  'claude', ARGV[7], 'note', ARGV[10], 'used', now, 'looks', 0)
redis.call('HINCRBY', K_SESSION, 'turns', 1)
redis.call('ZADD', K_SESSIONS, now, member)

-- What is older than the memory of turnIds is forgotten here, a few at a time, so that nothing grows.
for _, old in ipairs(redis.call('ZRANGE', K_DONE, '-inf', now - tonumber(ARGV[12]), 'BYSCORE', 'LIMIT', 0, 20)) do
  redis.call('HDEL', K_TURNIDS, string.match(old, '^%d+ (.*)$'))
  redis.call('ZREM', K_DONE, old)
end

local left = redis.call('ZCARD', K_LOG)
if left == 0 then
  redis.call('ZREM', K_PENDING, member)
else
  redis.call('ZADD', K_PENDING, now + tonumber(ARGV[13]), member)
end
publish(ARGV[14], ARGV[15], 16)
return {OK, left}
