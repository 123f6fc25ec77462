-- Records that the owner is about to write a turn's prompt to its agent.
--@args fence batch seq attempts_allowed events_kept events_ttl_ms
--@rest events
--@reply OK|REPEATED queued_ms:number
--@reply EXHAUSTED         -- the turn had all its attempts
--@reply EXPIRED           -- the turn waited longer than its expiresIn
--@reply INTERRUPTED       -- a caller asked the turn to stop
--@reply NOT_HEAD|FENCED|GAP
--@include session_keys reply read time fence truncate_transcript publish
local turn_key = K_TURN_PREFIX .. seq
local admitted = admit(fence, batch)
if admitted == 'REPEATED' then return reply('REPEATED', {queued_ms = redis.call('HGET', turn_key, 'queuedMs') or 0}) end
if admitted ~= 'OK' then return reply(admitted) end
if redis.call('ZRANGE', K_LOG, 0, 0)[1] ~= seq then return reply('NOT_HEAD') end
local turn = read(turn_key, 'attempts', 'at', 'expires', 'member', 'interrupt')
local attempts = tonumber(turn.attempts)
if turn.interrupt then return reply('INTERRUPTED') end
if attempts >= tonumber(attempts_allowed) then return reply('EXHAUSTED') end
-- A turn that began in time may begin again after its owner was lost.
if turn.expires and attempts == 0 and now_ms() >= tonumber(turn.expires) then return reply('EXPIRED') end
take_batch(batch)
if turn.expires then redis.call('ZREM', K_DEADLINES, turn.member .. ' ' .. seq) end
redis.call('HINCRBY', turn_key, 'attempts', 1)
local queued_ms = now_ms() - tonumber(turn.at)
redis.call('HSET', turn_key, 'state', 'running', 'queuedMs', queued_ms)
redis.call('HSET', K_SESSION, 'sweeps', 0)
-- The running turn stays first, so that an interrupting turn goes behind it and ahead of the waiting turns.
redis.call('ZADD', K_LOG, '-inf', seq)
redis.call('DEL', K_PERMISSIONS)
truncate_transcript()
publish(events_kept, events_ttl_ms, events)
return reply('OK', {queued_ms = queued_ms})
