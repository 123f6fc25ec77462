--[[ Gives the lock of a session back. The owner has ended its agent before.
ARGV  1 fence  2 batch  3 'idle' (refused while the log is not empty) | 'drain'  4 member (encoded session id)
      5 ms a session for one turn is remembered
Reply {OK|REPEATED, seq, ring, seq, ring, …}  what is left in the log, to be rung to intake
      {NOT_EMPTY}   {FENCED} also: released before   {GAP}
]]
--@include keys
--@include codes
--@include time
--@include fence
--@include forget_once
local admitted = admit(ARGV[1], ARGV[2])
if admitted ~= OK then return {admitted} end
local left = redis.call('ZRANGE', K_LOG, 0, -1)
if #left > 0 and ARGV[3] ~= 'drain' then return {NOT_EMPTY} end
redis.call('HSET', K_SESSION, 'owner', '', 'workerNumber', '', 'fence', '', 'batch', 0)
local reply = {OK}
if #left == 0 then forget_once(ARGV[4], ARGV[5]) end
for _, seq in ipairs(left) do
  reply[#reply + 1] = tonumber(seq)
  reply[#reply + 1] = redis.call('HGET', K_TURN .. seq, 'ring')
end
-- Should this worker die before it has rung them, the next sweep does.
if #left > 0 then redis.call('ZADD', K_PENDING, now_ms(), ARGV[4]) end
return reply
