--[[ Begins the end of a session: from now on it takes no turn and no owner. Whoever closes it withdraws its turns and erases it; should
that one die, the session stands first in `sessions`, where retention finds it.
ARGV  1 member (encoded session id)  2 only if last used before (ms), with an empty log and no turn to come; or ''
      3 prefix of the workers' wake channels  4 session id
      5 incarnation
Reply {OK, owner, fence, seq, seq, …}  the turns of its log   {GONE} it is erased, or another incarnation   {MOVED} used since, or to be used
]]
--@include keys
--@include codes
--@include time
local s = redis.call('HMGET', K_SESSION, 'incarnation', 'owner', 'fence', 'used', 'closing')
if s[1] ~= ARGV[5] then return {GONE} end
local log = redis.call('ZRANGE', K_LOG, 0, -1)
if ARGV[2] ~= '' and not s[5] then
  if #log > 0 or tonumber(s[4]) >= tonumber(ARGV[2]) then return {MOVED} end
  if redis.call('EXISTS', K_DELAYED) == 1 then
    -- Used by a turn that is not due yet: retention looks at others first.
    local now = now_ms()
    redis.call('HSET', K_SESSION, 'used', now)
    redis.call('ZADD', K_SESSIONS, now, ARGV[1])
    return {MOVED}
  end
end
redis.call('HSET', K_SESSION, 'closing', '1')
redis.call('ZADD', K_SESSIONS, 0, ARGV[1])
if s[2] ~= '' then redis.call('PUBLISH', ARGV[3] .. s[2], ARGV[4] .. ' close') end
local reply = {OK, s[2], s[3]}
for _, seq in ipairs(log) do reply[#reply + 1] = tonumber(seq) end
return reply
