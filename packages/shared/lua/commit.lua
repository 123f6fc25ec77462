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
--@include cut
--@include publish
--@include settle
local seq, member = ARGV[3], ARGV[11]
local admitted = admit(ARGV[1], ARGV[2])
if admitted == REPEATED then return {REPEATED, redis.call('ZCARD', K_LOG)} end
if admitted ~= OK then return {admitted} end
if not redis.call('ZSCORE', K_LOG, seq) then return {ALREADY} end
-- What an argument can make fail comes first: a script that fails half-way is not undone.
local chunks = math.min(tonumber(ARGV[8]), redis.call('LLEN', K_TRANSCRIPT))
redis.call('HINCRBYFLOAT', K_SESSION, 'cost', ARGV[9])
take_number(ARGV[2])
redis.call('HSET', K_SESSION, 'transcript', chunks, 'claude', ARGV[7], 'note', ARGV[10])
cut_transcript()
local left = settle(seq, member, ARGV[4], ARGV[5], ARGV[6], ARGV[12], ARGV[13])
-- What its agent asked for, it asks no more; the answers that were given are known until the next begin.
for _, field in ipairs(redis.call('HKEYS', K_PERMISSIONS)) do
  if string.sub(field, -1) ~= '!' then redis.call('HDEL', K_PERMISSIONS, field) end
end
publish(ARGV[14], ARGV[15], 16)
return {OK, left}
