-- Writes the one result of a turn, takes the turn out of the log, and publishes its seq on the session's `ends` channel.
-- `ended`: seq, member, result, messages, state, turn_memory_ms, look_after_ms, and `events`: how many events the caller
-- appends right after this, the turn's outcome last.
--@include session_keys time
local function end_turn(ended)
  local seq, member = ended.seq, ended.member
  redis.call('ZREM', K_LOG, seq)
  redis.call('ZREM', K_DEADLINES, member .. ' ' .. seq)
  local now = now_ms()
  local turn = K_TURN_PREFIX .. seq
  redis.call('HSET', turn, 'result', ended.result, 'messages', ended.messages, 'state', ended.state,
    'outcomeEvent', redis.call('HGET', K_SESSION, 'events') + ended.events)
  redis.call('PEXPIRE', turn, ended.turn_memory_ms)
  redis.call('ZADD', K_DONE, now, seq .. ' ' .. redis.call('HGET', turn, 'id'))
  redis.call('HSET', K_SESSION, 'used', now, 'sweeps', 0)
  redis.call('HINCRBY', K_SESSION, 'turns', 1)
  redis.call('PUBLISH', K_ENDS, seq)
  -- A closing session stays first in the set, so that retention finishes the closing when its closer died.
  if not redis.call('HGET', K_SESSION, 'closing') then redis.call('ZADD', K_SESSIONS, now, member) end

  -- Forgets turnIds that are older than the turn memory, a few at a time, so that the set stays bounded.
  local forgotten = redis.call('ZRANGE', K_DONE, '-inf', now - tonumber(ended.turn_memory_ms), 'BYSCORE', 'LIMIT', 0, 20)
  for _, old in ipairs(forgotten) do
    redis.call('HDEL', K_TURN_IDS, string.match(old, '^%d+ (.*)$'))
    redis.call('ZREM', K_DONE, old)
  end

  if redis.call('ZCARD', K_LOG) == 0 then
    redis.call('ZREM', K_PENDING, member)
  else
    redis.call('ZADD', K_PENDING, now + tonumber(ended.look_after_ms), member)
  end
end
