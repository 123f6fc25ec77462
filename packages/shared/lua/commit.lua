-- Writes a turn's one result and takes the turn out of the log.
--@args fence batch seq result messages claude_session_id cost_usd member turn_memory_ms look_after_ms events_kept events_ttl_ms
--@args state              -- 'finished' or 'failed'
--@args transcript_chunks  -- how many chunks of the transcript are committed from now on
--@args note               -- for the next prompt, or ''
--@args event              -- with the turn's outcome
--@reply OK|REPEATED|FENCED|GAP
--@reply ALREADY           -- the turn has a result
--@include session_keys reply read time fence truncate_transcript publish end_turn
local admitted = admit(fence, batch)
if admitted ~= 'OK' then return reply(admitted) end
if not redis.call('ZSCORE', K_LOG, seq) then return reply('ALREADY') end
-- Commands that a bad argument makes fail come first, because Redis does not undo a script that fails half-way.
local chunks = math.min(tonumber(transcript_chunks), redis.call('LLEN', K_TRANSCRIPT))
redis.call('HINCRBYFLOAT', K_SESSION, 'cost', cost_usd)
take_batch(batch)
redis.call('HSET', K_SESSION, 'transcript', chunks, 'claude', claude_session_id, 'note', note)
truncate_transcript()
end_turn({seq = seq, member = member, result = result, messages = messages, state = state,
  turn_memory_ms = turn_memory_ms, look_after_ms = look_after_ms, events = 1})
-- The turn's open permission requests are void. Answers stay known until the next begin.
for _, field in ipairs(redis.call('HKEYS', K_PERMISSIONS)) do
  if string.sub(field, -1) ~= '!' then redis.call('HDEL', K_PERMISSIONS, field) end
end
publish(events_kept, events_ttl_ms, {event})
return reply('OK')
