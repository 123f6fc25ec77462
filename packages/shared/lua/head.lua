--[[ Reads the turn at the head of the log. Changes nothing.
Reply {CLOSING} the session is being closed   {OK, seq, turnId, request, submitted at ms, attempts, tools, state, ring, '1' when it is to stop}   or {GONE} when the log is empty
]]
--@include keys
--@include codes
if redis.call('HGET', K_SESSION, 'closing') then return {CLOSING} end
local seq = redis.call('ZRANGE', K_LOG, 0, 0)[1]
if not seq then return {GONE} end
local t = redis.call('HMGET', K_TURN .. seq, 'id', 'request', 'at', 'attempts', 'tools', 'state', 'ring', 'interrupt')
return {OK, tonumber(seq), t[1], t[2], tonumber(t[3]), tonumber(t[4]), t[5], t[6], t[7], t[8] or ''}
