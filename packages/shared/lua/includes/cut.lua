-- Cuts the transcript back to what was committed, so that a half-turn leaves no trace in Claude's memory (P8).
local function cut_transcript()
  local committed = tonumber(redis.call('HGET', K_SESSION, 'transcript'))
  if committed == 0 then
    redis.call('DEL', K_TRANSCRIPT)
  else
    redis.call('LTRIM', K_TRANSCRIPT, 0, committed - 1)
  end
end
