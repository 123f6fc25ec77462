--[[ Stores the request to stop a turn. It applies to that turn only, under whichever owner (P13).
ARGV  1 seq  2 incarnation  3 prefix of the workers' wake channels  4 session id  5 events kept  6 events ttl ms
Reply {OK, state, owner}   {ALREADY, result} it has ended   {GONE}
]]
--@include keys
--@include codes
--@include publish
--@include control_request
local s = redis.call('HMGET', K_SESSION, 'incarnation', 'owner')
if s[1] ~= ARGV[2] then return {GONE} end
local t = redis.call('HMGET', K_TURN .. ARGV[1], 'state', 'result')
if t[2] then return {ALREADY, t[2]} end
if not t[1] or not redis.call('ZSCORE', K_LOG, ARGV[1]) then return {GONE} end
request_interrupt(ARGV[1], s[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
return {OK, t[1], s[2]}
