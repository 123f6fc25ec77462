--[[ Resolves a permission request, once. Requests of former owners and attempts are deleted at claim and begin, so those left are the
owner's. Resolved, a request keeps only its answer, under "<request id>!".
ARGV  1 request id  2 seq  3 answer (JSON, unlike any other)  4 incarnation  5 fence of the owner that resolves it itself, or ''
      6 prefix of the workers' wake channels  7 session id  8 events kept  9 events ttl ms  10 event
Reply {OK|REPEATED}   {ALREADY, answer}   {GONE}   {FENCED}
]]
--@include keys
--@include codes
--@include publish
local id, seq = ARGV[1], ARGV[2]
local s = redis.call('HMGET', K_SESSION, 'incarnation', 'owner', 'fence')
if s[1] ~= ARGV[4] then return {GONE} end
if ARGV[5] ~= '' and s[3] ~= ARGV[5] then return {FENCED} end
local p = redis.call('HMGET', K_PERMISSIONS, id, id .. '!')
if p[2] == ARGV[3] then return {REPEATED} end
if p[2] then return {ALREADY, p[2]} end
if not p[1] or not redis.call('ZSCORE', K_LOG, seq) then return {GONE} end
redis.call('HSET', K_PERMISSIONS, id, '', id .. '!', ARGV[3])
publish(ARGV[8], ARGV[9], 10)
if s[2] ~= '' then redis.call('PUBLISH', ARGV[6] .. s[2], ARGV[7] .. ' answered ' .. id) end
return {OK}
