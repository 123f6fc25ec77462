-- Appends one chunk of the transcript.
--@args fence batch
--@args offset             -- how many chunks come before this one
--@args is_settled         -- '1': no turn runs, so the chunk is committed at once
--@args chunk
--@reply OK|FENCED
--@reply REPEATED          -- the batch number or the offset is known
--@reply GAP               -- the batch number or the offset is not the next
--@include session_keys reply read fence
local admitted = admit(fence, batch)
if admitted ~= 'OK' then return reply(admitted) end
local length = redis.call('LLEN', K_TRANSCRIPT)
local at = tonumber(offset)
if at > length then return reply('GAP') end
take_batch(batch)
if at < length then return reply('REPEATED') end
redis.call('RPUSH', K_TRANSCRIPT, chunk)
if is_settled ~= '' then redis.call('HSET', K_SESSION, 'transcript', length + 1) end
return reply('OK')
