-- Gives a new worker its lease and the lowest free worker number. A number is free when no worker holds it, or when its
-- holder's lease is absent. That holder joins the dead workers, because no worker number leads to it any more.
--@args worker_id ttl_ms
--@args record             -- JSON, without workerNumber
--@args worker_memory_ms   -- how long a worker is known after its last renewal
--@reply OK|REPEATED worker_number:number
--@reply DEAD              -- this workerId had a lease and lost it
--@include worker_keys reply time
local lease = K_LEASE_PREFIX .. worker_id
local now = now_ms()
if redis.call('ZSCORE', K_KNOWN_WORKERS, worker_id) then
  if redis.call('EXISTS', lease) == 0 then return reply('DEAD') end
  local numbers = redis.call('HGETALL', K_WORKER_NUMBERS)
  for at = 1, #numbers, 2 do
    if numbers[at + 1] == worker_id then return reply('REPEATED', {worker_number = numbers[at]}) end
  end
end
redis.call('ZREMRANGEBYSCORE', K_KNOWN_WORKERS, '-inf', now - tonumber(worker_memory_ms))
local worker_number = 1
while true do
  local holder = redis.call('HGET', K_WORKER_NUMBERS, worker_number)
  if not holder then break end
  if redis.call('EXISTS', K_LEASE_PREFIX .. holder) == 0 then
    redis.call('SADD', K_DEAD_WORKERS, holder)
    break
  end
  worker_number = worker_number + 1
end
redis.call('HSET', K_WORKER_NUMBERS, worker_number, worker_id)
redis.call('ZADD', K_KNOWN_WORKERS, now, worker_id)
redis.call('SET', lease, record, 'PX', ttl_ms)
return reply('OK', {worker_number = worker_number})
