--[[ Opens a session before its first turn, so that its agent can be there when that comes; or finds it.
ARGV  1 member (encoded session id)  2 sessionId  3 profile or ''  4 incarnation for a new session
Reply {OK, incarnation, cursor, worker number of its owner or 'intake', profile, owner or ''}   {CLOSING}   {GONE} the session was for one turn only
      {PROFILE_MISMATCH, profile of the session}
]]
--@include keys
--@include codes
--@include time
--@include open
local s = redis.call('HMGET', K_SESSION, 'incarnation', 'profile', 'workerNumber', 'events', 'closing', 'once', 'owner')
if s[5] then return {CLOSING} end
if s[6] then return {GONE} end
if s[1] and ARGV[3] ~= '' and s[2] ~= ARGV[3] then return {PROFILE_MISMATCH, s[2]} end
if not s[1] then
  s = {ARGV[4], ARGV[3] ~= '' and ARGV[3] or 'default', '', '0'}
  local now = now_ms()
  open_session(ARGV[2], s[1], s[2], now)
  redis.call('HSET', K_SESSION, 'used', now)
  redis.call('ZADD', K_SESSIONS, now, ARGV[1])
end
return {OK, s[1], tonumber(s[4]), s[3] ~= '' and s[3] or 'intake', s[2], s[7] or ''}
