-- Finds a session, or opens it before its first turn, so that its agent can start before that turn comes.
--@args member session_id incarnation
--@args profile            -- or ''
--@reply OK incarnation cursor:number queue profile owner?  -- queue: its owner's worker number, or 'intake'
--@reply CLOSING
--@reply GONE              -- the session was opened for a single turn
--@reply PROFILE_MISMATCH profile  -- the session's profile
--@include session_keys reply read time open_session
local session = read(K_SESSION, 'incarnation', 'profile', 'workerNumber', 'events', 'closing', 'singleTurn', 'owner')
if session.closing then return reply('CLOSING') end
if session.singleTurn then return reply('GONE') end
if session.incarnation and profile ~= '' and session.profile ~= profile then
  return reply('PROFILE_MISMATCH', {profile = session.profile})
end
if not session.incarnation then
  local now = now_ms()
  profile = profile ~= '' and profile or 'default'
  session = {incarnation = incarnation, profile = profile, workerNumber = '', events = 0, owner = ''}
  open_session(session_id, incarnation, profile, now)
  redis.call('HSET', K_SESSION, 'used', now)
  redis.call('ZADD', K_SESSIONS, now, member)
end
return reply('OK', {incarnation = session.incarnation, cursor = session.events, profile = session.profile,
  queue = session.workerNumber ~= '' and session.workerNumber or 'intake', owner = session.owner})
