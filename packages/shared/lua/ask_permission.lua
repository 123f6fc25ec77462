-- Records that a tool of the running turn waits for a permission, and publishes the request.
--@args fence batch seq request_id events_kept events_ttl_ms
--@args deadline_ms        -- time until the request is denied for lack of an answer
--@args request event      -- without expiresAt
--@reply OK|REPEATED|NOT_HEAD|FENCED|GAP
--@include session_keys reply read time fence publish
local admitted = admit(fence, batch)
if admitted ~= 'OK' then return reply(admitted) end
if redis.call('ZRANGE', K_LOG, 0, 0)[1] ~= seq then return reply('NOT_HEAD') end
take_batch(batch)
local decided = {expiresAt = now_ms() + tonumber(deadline_ms)}
redis.call('HSET', K_PERMISSIONS, request_id, entry(request, decided))
publish(events_kept, events_ttl_ms, {entry(event, decided)})
return reply('OK')
