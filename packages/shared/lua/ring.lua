--[[ Notes a new ring of a turn, before its doorbell is added. Compare and swap: of two who look, one rings.
ARGV  1 seq  2 ring seen  3 new ring ("<worker number or 'intake'>/<job id>")
Reply {OK, turnId, request, profile, session id}   {ALREADY} the new ring is noted (a resend): same fields
      {MOVED} another ring was noted since   {GONE} not in the log
]]
--@include keys
--@include codes
local turn = K_TURN .. ARGV[1]
if not redis.call('ZSCORE', K_LOG, ARGV[1]) then return {GONE} end
local t = redis.call('HMGET', turn, 'ring', 'id', 'request', 'rang')
if t[1] ~= ARGV[2] and t[1] ~= ARGV[3] then return {MOVED} end
-- All rings are kept: their jobs go when the session is closed.
if t[1] ~= ARGV[3] then redis.call('HSET', turn, 'ring', ARGV[3], 'rang', (t[4] and t[4] .. '\n' or '') .. t[1]) end
local s = redis.call('HMGET', K_SESSION, 'profile', 'id')
return {t[1] == ARGV[3] and ALREADY or OK, t[2], t[3], s[1], s[2]}
