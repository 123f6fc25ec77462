-- Renews a lease and writes the worker record. Never recreates a lease: a worker whose lease was absent once stays dead.
--@args worker_id ttl_ms
--@args record             -- JSON, without workerNumber
--@reply OK
--@reply DEAD
--@include worker_keys reply time
local lease = K_LEASE_PREFIX .. worker_id
-- PEXPIRE comes first because it needs no memory. A full Redis does not stop a script after its first write, so a full
-- Redis kills no worker.
if redis.call('PEXPIRE', lease, ttl_ms) == 0 then return reply('DEAD') end
redis.call('SET', lease, record, 'PX', ttl_ms)
redis.call('ZADD', K_KNOWN_WORKERS, now_ms(), worker_id)
return reply('OK')
