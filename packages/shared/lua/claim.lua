--[[ Makes a worker the owner of a session, by compare and swap of its lock record.
ARGV  1 workerId  2 worker number  3 nonce for a new fence  4 fence of an owner whose lease is known to be absent, or ''
      5 seq of the doorbell, 0: to be warm before any turn  (a dead worker is dead for ever, so the lease may be read before, in another slot)
Reply {OK, fence, batch, incarnation, claude session id, transcript chunks, profile, session id, note, epoch, '1' when for one turn only}   claimed anew, uncommitted transcript cut off
      {ALREADY, …same}     it was ours before (also: a resend)
      {OTHER, owner, worker number, fence}   somebody else's, whose lease has to be looked at
      {MOVED, result or ''}    that turn is committed; nothing claimed
      {GONE}               no such session, or it is being closed (to all but its owner, who has to let go), or no such turn in it
]]
--@include keys
--@include codes
--@include cut
local worker, worker_number, nonce, dead_fence, seq = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local s = redis.call('HMGET', K_SESSION, 'incarnation', 'owner', 'workerNumber', 'fence', 'batch', 'seq', 'closing')
if not s[1] then return {GONE} end
if seq ~= '0' and not redis.call('ZSCORE', K_LOG, seq) then
  if tonumber(seq) > tonumber(s[6]) then return {GONE} end
  return {MOVED, redis.call('HGET', K_TURN .. seq, 'result') or ''}
end
local function granted(code, fence, batch)
  local g = redis.call('HMGET', K_SESSION, 'claude', 'transcript', 'profile', 'id', 'note', 'epoch', 'once')
  return {code, fence, tonumber(batch), s[1], g[1], tonumber(g[2]), g[3], g[4], g[5], tonumber(g[6]), g[7] or ''}
end
if s[2] == worker then return granted(ALREADY, s[4], s[5]) end
if s[7] then return {GONE} end
if s[2] ~= '' and s[4] ~= dead_fence then return {OTHER, s[2], s[3], s[4]} end
local fence = redis.call('HINCRBY', K_SESSION, 'epoch', 1) .. '.' .. nonce
redis.call('HSET', K_SESSION, 'owner', worker, 'workerNumber', worker_number, 'fence', fence, 'batch', 0, 'looks', 0)
cut_transcript()
-- Whatever the former owner's agent asked for, it asks no more (P13).
redis.call('DEL', K_PERMISSIONS)
return granted(OK, fence, 0)
