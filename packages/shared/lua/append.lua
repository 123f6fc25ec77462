--[[ Appends events to the session's stream and publishes them.
ARGV  1 fence  2 batch  3 events kept  4 events ttl ms  5… events
Reply {OK|REPEATED}   {FENCED}   {GAP}
]]
--@include keys
--@include codes
--@include fence
--@include publish
local admitted = admit(ARGV[1], ARGV[2])
if admitted ~= OK then return {admitted} end
take_number(ARGV[2])
publish(ARGV[3], ARGV[4], 5)
return {OK}
