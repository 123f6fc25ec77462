-- Stores the request to stop a turn. It applies to that turn only, under any owner (P13).
--@args seq incarnation session_id wake_prefix events_kept events_ttl_ms
--@reply OK state
--@reply ALREADY result    -- the turn has a result
--@reply GONE
--@include session_keys reply read publish request_interrupt wake
local session = read(K_SESSION, 'incarnation', 'owner')
if session.incarnation ~= incarnation then return reply('GONE') end
local turn = read(K_TURN_PREFIX .. seq, 'state', 'result')
if turn.result then return reply('ALREADY', {result = turn.result}) end
if not turn.state or not redis.call('ZSCORE', K_LOG, seq) then return reply('GONE') end
request_interrupt(seq, events_kept, events_ttl_ms)
wake(session.owner, wake_prefix, session_id .. ' interrupt ' .. seq)
return reply('OK', {state = turn.state})
