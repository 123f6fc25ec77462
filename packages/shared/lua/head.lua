-- Reads the turn at the head of the log. Changes nothing.
--@reply OK seq:number turn_id request submitted_at attempts tools state ring is_to_stop:flag
--@reply CLOSING
--@reply GONE              -- the log is empty
--@include session_keys reply read
if redis.call('HGET', K_SESSION, 'closing') then return reply('CLOSING') end
local seq = redis.call('ZRANGE', K_LOG, 0, 0)[1]
if not seq then return reply('GONE') end
local turn = read(K_TURN_PREFIX .. seq, 'id', 'request', 'at', 'attempts', 'tools', 'state', 'ring', 'interrupt')
return reply('OK', {seq = seq, turn_id = turn.id, request = turn.request, submitted_at = turn.at, attempts = turn.attempts,
  tools = turn.tools, state = turn.state, ring = turn.ring, is_to_stop = turn.interrupt or ''})
