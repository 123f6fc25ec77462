--[[ Renews a lease; never recreates one: absent once is dead for ever.
KEYS  1 lease  2 known workers (zset)      ARGV  1 ttl ms  2 worker record (JSON)  3 workerId      Reply {OK} | {DEAD}
]]
--@include codes
--@include time
if not redis.call('SET', KEYS[1], ARGV[2], 'XX', 'PX', ARGV[1]) then return {DEAD} end
redis.call('ZADD', KEYS[2], now_ms(), ARGV[3])
return {OK}
