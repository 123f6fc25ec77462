-- Gives a worker's lease and worker number back.
--@args worker_id worker_number
--@reply OK
--@include worker_keys reply
redis.call('DEL', K_LEASE_PREFIX .. worker_id)
if redis.call('HGET', K_WORKER_NUMBERS, worker_number) == worker_id then redis.call('HDEL', K_WORKER_NUMBERS, worker_number) end
return reply('OK')
