--[[ Renews a lease; never recreates one: absent once is dead for ever.
KEYS  1 lease      ARGV  1 ttl ms  2 worker record (JSON)      Reply {OK} | {DEAD}
]]
--@include codes
if redis.call('SET', KEYS[1], ARGV[2], 'XX', 'PX', ARGV[1]) then return {OK} end
return {DEAD}
