-- Deletes all keys of a closing session together.
--@args member incarnation dead_fence events_kept events_ttl_ms event
--@reply OK rings[]        -- of all jobs that ever rang its turns or were to bring one
--@reply GONE              -- the session is erased, or this is another incarnation
--@reply NOT_EMPTY         -- the log has turns
--@reply OTHER             -- an owner still holds it
--@reply MOVED             -- the session is not closing
--@include session_keys reply read publish
local session = read(K_SESSION, 'incarnation', 'owner', 'fence', 'closing')
if session.incarnation ~= incarnation then return reply('GONE') end
if not session.closing then return reply('MOVED') end
if redis.call('ZCARD', K_LOG) > 0 then return reply('NOT_EMPTY') end
if session.owner ~= '' and session.fence ~= dead_fence then return reply('OTHER') end
publish(events_kept, events_ttl_ms, {event})
redis.call('PUBLISH', K_ENDS, 'closed')
local rings = {}
for _, seq in ipairs(redis.call('HVALS', K_TURN_IDS)) do
  local turn = read(K_TURN_PREFIX .. seq, 'ring', 'formerRings')
  if turn.ring then rings[#rings + 1] = turn.ring end
  for ring in string.gmatch(turn.formerRings or '', '[^\n]+') do rings[#rings + 1] = ring end
  redis.call('DEL', K_TURN_PREFIX .. seq)
end
for _, job in ipairs(redis.call('HVALS', K_DELAYED)) do rings[#rings + 1] = 'intake/' .. job end
redis.call('DEL', K_SESSION, K_LOG, K_TURN_IDS, K_DONE, K_EVENTS, K_TRANSCRIPT, K_PERMISSIONS, K_DELAYED)
redis.call('ZREM', K_PENDING, member)
redis.call('ZREM', K_SESSIONS, member)
return reply('OK', {rings = rings})
