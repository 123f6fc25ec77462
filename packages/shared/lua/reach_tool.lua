-- The tool gate: records, before a tool may run, that its turn reached it (P7), and publishes the event.
--@args fence batch seq tool events_kept events_ttl_ms event
--@reply OK|REPEATED|NOT_HEAD|FENCED|GAP
--@include session_keys reply read fence publish
local admitted = admit(fence, batch)
if admitted ~= 'OK' then return reply(admitted) end
if redis.call('ZRANGE', K_LOG, 0, 0)[1] ~= seq then return reply('NOT_HEAD') end
take_batch(batch)
local turn = K_TURN_PREFIX .. seq
redis.call('HSET', turn, 'tools', redis.call('HGET', turn, 'tools') .. tool .. '\n')
publish(events_kept, events_ttl_ms, {event})
return reply('OK')
