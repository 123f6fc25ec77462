--[[ Gives a new worker its lease and the lowest free worker number.
KEYS  1 worker numbers (hash)  2 known workers (zset)  3 prefix of lease keys  4 the dead whose worker number went to another (set)
ARGV  1 workerId  2 ttl ms  3 worker record (JSON, with "workerNumber":0)  4 ms to remember a worker after its last renewal
Reply {OK|REPEATED, worker number}   {DEAD} this workerId had a lease and lost it
A worker number is free when nobody holds it or its holder's lease is absent. Then that holder is noted: no worker number tells of it any more.
]]
--@include codes
--@include time
local worker, lease = ARGV[1], KEYS[3] .. ARGV[1]
local now = now_ms()
if redis.call('ZSCORE', KEYS[2], worker) then
  if redis.call('EXISTS', lease) == 0 then return {DEAD} end
  return {REPEATED, cjson.decode(redis.call('GET', lease)).workerNumber}
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[4]))
local worker_number = 1
while true do
  local holder = redis.call('HGET', KEYS[1], worker_number)
  if not holder then break end
  if redis.call('EXISTS', KEYS[3] .. holder) == 0 then
    redis.call('SADD', KEYS[4], holder)
    break
  end
  worker_number = worker_number + 1
end
redis.call('HSET', KEYS[1], worker_number, worker)
redis.call('ZADD', KEYS[2], now, worker)
redis.call('SET', lease, (string.gsub(ARGV[3], '"workerNumber":0', '"workerNumber":' .. worker_number, 1)), 'PX', ARGV[2])
return {OK, worker_number}
