--[[ Gives lease and worker number back at the end of a worker.
KEYS  1 worker numbers (hash)  2 lease      ARGV  1 workerId  2 worker number      Reply {OK}
]]
--@include codes
redis.call('DEL', KEYS[2])
if redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[1] then redis.call('HDEL', KEYS[1], ARGV[2]) end
return {OK}
