-- Accepts a turn into a session's log. Opens the session when it is new. Idempotent by turnId (P12).
-- With `refused_result` and `refused_event` it records a turn that no worker will serve. Such a turn enters the log and leaves
-- it at once, so neither the profile nor the backlog limit keeps it out.
-- A ring is "<worker number or 'intake'>/<job id>". `cursor` is the id of the last event before the turn's first.
--@args member session_id turn_id request incarnation wake_prefix
--@args backlog_limit look_after_ms turn_memory_ms events_kept events_ttl_ms
--@args ring_job           -- job id of the turn's doorbell
--@args profile            -- or ''
--@args expires_in_ms      -- how long the turn may wait before it begins, or ''
--@args is_single_turn     -- '1' opens the session for this turn only
--@args brought_by         -- ring of the job that brought the turn, or ''
--@args on_busy            -- when turns wait or run: 'enqueue', 'reject', or 'interrupt' (stop the running one, go ahead of the others)
--@args refused_result refused_event  -- JSON without seq, or ''
--@reply OK seq:number incarnation cursor:number ring position:number? profile unheard_owner?  -- unheard_owner: did not hear the call
--@reply REPEATED seq:number incarnation cursor:number ring position:number? profile  -- the turnId is known; nothing changed
--@reply CLOSING|BUSY
--@reply GONE              -- the session was opened for a single turn
--@reply BACKLOG_FULL waiting:number
--@reply PROFILE_MISMATCH profile  -- the session's profile
--@include session_keys reply read time publish end_turn expire_single_turn open_session request_interrupt wake
local session = read(K_SESSION, 'incarnation', 'profile', 'workerNumber', 'events', 'owner', 'closing', 'singleTurn')
local known = redis.call('HGET', K_TURN_IDS, turn_id)
if known and redis.call('EXISTS', K_TURN_PREFIX .. known) == 0 then
  -- The turn's key has expired, and no later commit has removed its turnId yet.
  redis.call('HDEL', K_TURN_IDS, turn_id)
  redis.call('ZREM', K_DONE, known .. ' ' .. turn_id)
  known = nil
end
if known then
  local turn = read(K_TURN_PREFIX .. known, 'cursor', 'ring')
  return reply('REPEATED', {seq = known, incarnation = session.incarnation, cursor = turn.cursor, ring = turn.ring,
    position = redis.call('ZRANK', K_LOG, known) or '', profile = session.profile})
end
if session.closing then return reply('CLOSING') end
if session.singleTurn then return reply('GONE') end
local is_refused = refused_result ~= ''
local waiting = redis.call('ZCARD', K_LOG)
if not is_refused then
  if session.incarnation and profile ~= '' and session.profile ~= profile then
    return reply('PROFILE_MISMATCH', {profile = session.profile})
  end
  if on_busy == 'reject' and waiting > 0 then return reply('BUSY') end
  if waiting >= tonumber(backlog_limit) then return reply('BACKLOG_FULL', {waiting = waiting}) end
end

local now = now_ms()
if not session.incarnation then
  profile = profile ~= '' and profile or 'default'
  session = {incarnation = incarnation, profile = profile, workerNumber = '', events = 0}
  open_session(session_id, incarnation, profile, now)
  if is_single_turn ~= '' then redis.call('HSET', K_SESSION, 'singleTurn', '1') end
end
local seq = redis.call('HINCRBY', K_SESSION, 'seq', 1)
local order, position, running = seq, waiting, nil
if on_busy == 'interrupt' and waiting > 0 and not is_refused then
  local first, first_order, second, second_order = unpack(redis.call('ZRANGE', K_LOG, 0, 1, 'WITHSCORES'))
  if redis.call('HGET', K_TURN_PREFIX .. first, 'state') == 'running' then
    running, first, first_order = first, second, second_order
  end
  if first then order = tonumber(first_order) - 1 end
  position = running and 1 or 0
end
-- The job that brought a turn to intake is its doorbell there.
local ring = 'intake/' .. ring_job
if session.workerNumber ~= '' then ring = session.workerNumber .. '/' .. ring_job
elseif brought_by ~= '' then ring = brought_by end
local turn_key = K_TURN_PREFIX .. seq
redis.call('HSET', turn_key, 'id', turn_id, 'request', request, 'at', now, 'ring', ring, 'attempts', 0, 'tools', '',
  'state', 'queued', 'cursor', session.events)
if expires_in_ms ~= '' then
  redis.call('HSET', turn_key, 'expires', now + tonumber(expires_in_ms), 'member', member)
  redis.call('ZADD', K_DEADLINES, now + tonumber(expires_in_ms), member .. ' ' .. seq)
end
if brought_by ~= '' and brought_by ~= ring then redis.call('HSET', turn_key, 'formerRings', brought_by) end
redis.call('HSET', K_TURN_IDS, turn_id, seq)
redis.call('ZADD', K_LOG, order, seq)
redis.call('HSET', K_SESSION, 'used', now)
redis.call('ZADD', K_PENDING, 'NX', now + tonumber(look_after_ms), member)
redis.call('ZADD', K_SESSIONS, now, member)
local accepted = {seq = seq, incarnation = session.incarnation, cursor = session.events, ring = ring, position = position,
  profile = session.profile, unheard_owner = ''}
local queued = cjson.encode({type = 'turn.queued', seq = seq, turnId = turn_id, position = position})
if is_refused then
  -- The turn enters the log and leaves it at once, so that its waiters get the outcome and its turnId is known.
  end_turn({seq = seq, member = member, result = entry(refused_result, {seq = seq}), messages = '[]', state = 'failed',
    turn_memory_ms = turn_memory_ms, look_after_ms = look_after_ms, events = 2})
  publish(events_kept, events_ttl_ms, {queued, entry(refused_event, {seq = seq})})
  expire_single_turn(member, turn_memory_ms)
  accepted.position = ''
  return reply('OK', accepted)
end
publish(events_kept, events_ttl_ms, {queued})
if running then
  request_interrupt(running, events_kept, events_ttl_ms)
  wake(session.owner, wake_prefix, session_id .. ' interrupt ' .. running)
end
-- The doorbell carries the turn. The call only spares an idle owner the way through the queue.
if not wake(session.owner, wake_prefix, session_id) then accepted.unheard_owner = session.owner end
return reply('OK', accepted)
