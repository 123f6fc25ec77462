--[[ Renews a lease; never recreates one: absent once is dead for ever.
KEYS  1 lease  2 known workers (zset)      ARGV  1 ttl ms  2 worker record (JSON)  3 workerId      Reply {OK} | {DEAD}
]]
--@include codes
--@include time
-- First what takes no memory: a script that has written is not stopped for want of it, and no worker dies of a full Redis.
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 then return {DEAD} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
redis.call('ZADD', KEYS[2], now_ms(), ARGV[3])
return {OK}
