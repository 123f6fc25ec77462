-- Releases the lock of a session. The owner has ended its agent before.
--@args fence batch member turn_memory_ms
--@args mode               -- 'idle' (refused while the log has turns) or 'drain'
--@reply OK left[]         -- the turns still in the log, to be rung to intake
--@each left seq:number ring
--@reply REPEATED|NOT_EMPTY|GAP
--@reply FENCED            -- also for a resend, because the first release removed the fence
--@include session_keys reply read time fence expire_single_turn
local admitted = admit(fence, batch)
if admitted ~= 'OK' then return reply(admitted) end
local log = redis.call('ZRANGE', K_LOG, 0, -1)
if #log > 0 and mode ~= 'drain' then return reply('NOT_EMPTY') end
redis.call('HSET', K_SESSION, 'owner', '', 'workerNumber', '', 'fence', '', 'batch', 0)
if #log == 0 then expire_single_turn(member, turn_memory_ms) end
local left = {}
for at, seq in ipairs(log) do left[at] = named({seq = seq, ring = redis.call('HGET', K_TURN_PREFIX .. seq, 'ring')}) end
-- The session is due at once, so that the next sweep rings these turns if the worker dies before it has rung them.
if #log > 0 then redis.call('ZADD', K_PENDING, now_ms(), member) end
return reply('OK', {left = left})
