-- Expires a session that was opened for a single turn, once it has no turn and no owner. It leaves all lists, and its keys
-- keep the turn's result for `memory_ms`. Does nothing to other sessions.
--@include session_keys
local function expire_single_turn(member, memory_ms)
  if not redis.call('HGET', K_SESSION, 'singleTurn') then return end
  redis.call('DEL', K_TRANSCRIPT)
  redis.call('ZREM', K_SESSIONS, member)
  for _, key in ipairs({K_SESSION, K_TURN_IDS, K_DONE, K_PERMISSIONS}) do redis.call('PEXPIRE', key, memory_ms) end
end
