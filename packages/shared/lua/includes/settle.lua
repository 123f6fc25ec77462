-- Gives a turn its one result and takes it out of the log; says so on the session's channel of endings. Needs keys, time.
-- `events`: how many the caller appends right after, the turn's ending last; 1 if absent.
local function settle(seq, member, result, messages, state, remember_ms, look_after_ms, events)
  redis.call('ZREM', K_LOG, seq)
  redis.call('ZREM', K_DEADLINES, member .. ' ' .. seq)
  local now = now_ms()
  local turn = K_TURN .. seq
  redis.call('HSET', turn, 'result', result, 'messages', messages, 'state', state,
    'ending', redis.call('HGET', K_SESSION, 'events') + (events or 1))
  redis.call('PEXPIRE', turn, remember_ms)
  redis.call('ZADD', K_DONE, now, seq .. ' ' .. redis.call('HGET', turn, 'id'))
  redis.call('HSET', K_SESSION, 'used', now, 'looks', 0)
  redis.call('HINCRBY', K_SESSION, 'turns', 1)
  redis.call('PUBLISH', K_SESSION .. ':ends', seq)
  -- A session that is being closed keeps its place at the front: retention finishes what its closer left.
  if not redis.call('HGET', K_SESSION, 'closing') then redis.call('ZADD', K_SESSIONS, now, member) end

  -- What is older than the memory of turnIds is forgotten here, a few at a time, so that nothing grows.
  for _, old in ipairs(redis.call('ZRANGE', K_DONE, '-inf', now - tonumber(remember_ms), 'BYSCORE', 'LIMIT', 0, 20)) do
    redis.call('HDEL', K_TURNIDS, string.match(old, '^%d+ (.*)$'))
    redis.call('ZREM', K_DONE, old)
  end

  local left = redis.call('ZCARD', K_LOG)
  if left == 0 then
    redis.call('ZREM', K_PENDING, member)
  else
    redis.call('ZADD', K_PENDING, now + tonumber(look_after_ms), member)
  end
  return left
end
