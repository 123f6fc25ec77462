--[[ Records that a tool of the running turn waits for a permission, and publishes the request.
ARGV  1 fence  2 batch  3 seq  4 request id  5 ms until it is denied by itself  6 request (JSON, with "expiresAt":0)
      7 events kept  8 events ttl ms  9 event (JSON, with "expiresAt":0)
Reply {OK|REPEATED}   {NOT_HEAD} the turn is not in hand   {FENCED}   {GAP}
]]
--@include keys
--@include codes
--@include time
--@include fence
--@include publish
local admitted = admit(ARGV[1], ARGV[2])
if admitted ~= OK then return {admitted} end
if redis.call('ZRANGE', K_LOG, 0, 0)[1] ~= ARGV[3] then return {NOT_HEAD} end
take_number(ARGV[2])
local until_ms = string.format('"expiresAt":%d', now_ms() + tonumber(ARGV[5]))
redis.call('HSET', K_PERMISSIONS, ARGV[4], (string.gsub(ARGV[6], '"expiresAt":0', until_ms, 1)))
ARGV[9] = string.gsub(ARGV[9], '"expiresAt":0', until_ms, 1)
publish(ARGV[7], ARGV[8], 9)
return {OK}
