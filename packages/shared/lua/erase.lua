--[[ Deletes all keys of a closing session together.
ARGV  1 member (encoded session id)  2 incarnation  3 fence of an owner whose lease is known to be absent, or ''
      4 events kept  5 events ttl ms  6 event
Reply {OK, ring, ring, …} all jobs that ever rang its turns, or were to bring one   {GONE} it is erased, or another incarnation
      {NOT_EMPTY}   {OTHER, owner, fence} an owner still holds it   {MOVED} nobody closed it
]]
--@include keys
--@include codes
--@include publish
local s = redis.call('HMGET', K_SESSION, 'incarnation', 'owner', 'fence', 'closing')
if s[1] ~= ARGV[2] then return {GONE} end
if not s[4] then return {MOVED} end
if redis.call('ZCARD', K_LOG) > 0 then return {NOT_EMPTY} end
if s[2] ~= '' and s[3] ~= ARGV[3] then return {OTHER, s[2], s[3]} end
publish(ARGV[4], ARGV[5], 6)
redis.call('PUBLISH', K_SESSION .. ':ends', 'closed')
local reply = {OK}
for _, seq in ipairs(redis.call('HVALS', K_TURNIDS)) do
  local t = redis.call('HMGET', K_TURN .. seq, 'ring', 'rang')
  if t[1] then reply[#reply + 1] = t[1] end
  for ring in string.gmatch(t[2] or '', '[^\n]+') do reply[#reply + 1] = ring end
  redis.call('DEL', K_TURN .. seq)
end
for _, job in ipairs(redis.call('HVALS', K_DELAYED)) do reply[#reply + 1] = 'intake/' .. job end
redis.call('DEL', K_SESSION, K_LOG, K_TURNIDS, K_DONE, K_EVENTS, K_TRANSCRIPT, K_PERMISSIONS, K_DELAYED)
redis.call('ZREM', K_PENDING, ARGV[1])
redis.call('ZREM', K_SESSIONS, ARGV[1])
return reply
