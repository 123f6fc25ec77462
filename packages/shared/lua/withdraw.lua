-- Fails a waiting turn without its owner, because it was cancelled, it expired, or its session is closing. Only an owner ends
-- a turn that began, because it knows what the turn did (P7); a closing session whose owner is gone is the exception.
--@args member seq result dead_fence incarnation session_id wake_prefix turn_memory_ms look_after_ms events_kept events_ttl_ms event
--@reply OK ring former_rings  -- former_rings: one a line
--@reply ALREADY result    -- the turn has a result
--@reply RUNNING           -- only its owner ends the turn
--@reply GONE
--@include session_keys reply read time publish end_turn expire_single_turn wake
local session = read(K_SESSION, 'owner', 'fence', 'incarnation', 'closing')
if session.incarnation ~= incarnation then return reply('GONE') end
local turn = read(K_TURN_PREFIX .. seq, 'state', 'result', 'ring', 'formerRings')
if turn.result then return reply('ALREADY', {result = turn.result}) end
if not turn.state or not redis.call('ZSCORE', K_LOG, seq) then return reply('GONE') end
local is_owned = session.owner ~= '' and session.fence ~= dead_fence
if turn.state ~= 'queued' and (is_owned or not session.closing) then return reply('RUNNING') end
end_turn({seq = seq, member = member, result = result, messages = '[]', state = 'failed',
  turn_memory_ms = turn_memory_ms, look_after_ms = look_after_ms, events = 1})
publish(events_kept, events_ttl_ms, {event})
-- The release of an owner expires the session instead.
if session.owner == '' and redis.call('ZCARD', K_LOG) == 0 then expire_single_turn(member, turn_memory_ms) end
wake(session.owner, wake_prefix, session_id .. ' withdrawn ' .. seq)
return reply('OK', {ring = turn.ring, former_rings = turn.formerRings or ''})
