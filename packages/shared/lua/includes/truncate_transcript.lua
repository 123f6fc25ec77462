-- Truncates the transcript to its committed chunks, so that a half turn leaves no trace in Claude's memory (P8).
--@include session_keys
local function truncate_transcript()
  local committed = tonumber(redis.call('HGET', K_SESSION, 'transcript'))
  if committed == 0 then
    redis.call('DEL', K_TRANSCRIPT)
  else
    redis.call('LTRIM', K_TRANSCRIPT, 0, committed - 1)
  end
end
