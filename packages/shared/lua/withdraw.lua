--[[ Ends a turn that waits, without its owner: cancelled, expired, or its session is closed. A turn that was begun is its owner's
alone, or the next one's, who knows what it did (P7); while its session is being closed, only that of an owner that is not dead.
ARGV  1 member (encoded session id)  2 seq  3 result (JSON)  4 fence of an owner whose lease is known to be absent, or ''
      5 ms to remember the turn  6 ms until the next look of a sweep  7 prefix of the workers' wake channels
      8 session id  9 incarnation  10 events kept  11 events ttl ms  12 event
Reply {OK, ring, former rings (one a line)}   {ALREADY, result} it has a result   {RUNNING}   {GONE}
]]
--@include keys
--@include codes
--@include time
--@include publish
--@include settle
--@include forget_once
local member, seq, dead_fence = ARGV[1], ARGV[2], ARGV[4]
local turn = K_TURN .. seq
local s = redis.call('HMGET', K_SESSION, 'owner', 'fence', 'incarnation', 'closing')
if s[3] ~= ARGV[9] then return {GONE} end
local t = redis.call('HMGET', turn, 'state', 'result', 'ring', 'rang')
if t[2] then return {ALREADY, t[2]} end
if not t[1] or not redis.call('ZSCORE', K_LOG, seq) then return {GONE} end
local is_owned = s[1] ~= '' and s[2] ~= dead_fence
if t[1] ~= 'queued' and (is_owned or not s[4]) then return {RUNNING} end
local left = settle(seq, member, ARGV[3], '[]', 'failed', ARGV[5], ARGV[6])
publish(ARGV[10], ARGV[11], 12)
-- With an owner, that is for its release.
if left == 0 and s[1] == '' then forget_once(member, ARGV[5]) end
if s[1] ~= '' then redis.call('PUBLISH', ARGV[7] .. s[1], ARGV[8] .. ' withdrawn ' .. seq) end
return {OK, t[3], t[4] or ''}
