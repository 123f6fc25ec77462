-- Makes the hash of a new session.
--@include session_keys
local function open_session(session_id, incarnation, profile, now)
  redis.call('HSET', K_SESSION, 'id', session_id, 'incarnation', incarnation, 'profile', profile, 'created', now, 'seq', 0,
    'events', 0, 'transcript', 0, 'epoch', 0, 'fence', '', 'owner', '', 'workerNumber', '', 'batch', 0, 'claude', '', 'sweeps', 0,
    'turns', 0, 'cost', 0, 'note', '')
end
