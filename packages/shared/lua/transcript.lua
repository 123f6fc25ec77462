--[[ Appends one chunk of the transcript.
ARGV  1 fence  2 batch  3 offset: chunks before this one  4 '1' when no turn is in hand: the chunk is committed at once
      5 chunk
Reply {OK|REPEATED}   {GAP} the offset or the number is not the next   {FENCED}
]]
--@include keys
--@include codes
--@include fence
local admitted = admit(ARGV[1], ARGV[2])
if admitted ~= OK then return {admitted} end
local length = redis.call('LLEN', K_TRANSCRIPT)
local offset = tonumber(ARGV[3])
if offset > length then return {GAP} end
take_number(ARGV[2])
if offset < length then return {REPEATED} end
redis.call('RPUSH', K_TRANSCRIPT, ARGV[5])
if ARGV[4] == '1' then redis.call('HSET', K_SESSION, 'transcript', length + 1) end
return {OK}
