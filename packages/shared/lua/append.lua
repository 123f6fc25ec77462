-- Appends events to the session's stream and publishes them.
--@args fence batch events_kept events_ttl_ms
--@rest events
--@reply OK|REPEATED|FENCED|GAP
--@include session_keys reply read fence publish
local admitted = admit(fence, batch)
if admitted ~= 'OK' then return reply(admitted) end
take_batch(batch)
publish(events_kept, events_ttl_ms, events)
return reply('OK')
