--[[ The tool gate: records, before a tool may run, that its turn reached it (P7), and publishes the events.
ARGV  1 fence  2 batch  3 seq  4 tool name  5 events kept  6 events ttl ms  7… events
Reply {OK|REPEATED}   {NOT_HEAD} the turn is not in hand   {FENCED}   {GAP}
]]
--@include keys
--@include codes
--@include fence
--@include publish
local admitted = admit(ARGV[1], ARGV[2])
if admitted ~= OK then return {admitted} end
if redis.call('ZRANGE', K_LOG, 0, 0)[1] ~= ARGV[3] then return {NOT_HEAD} end
take_number(ARGV[2])
local turn = K_TURN .. ARGV[3]
redis.call('HSET', turn, 'tools', redis.call('HGET', turn, 'tools') .. ARGV[4] .. '\n')
publish(ARGV[5], ARGV[6], 7)
return {OK}
