-- Stores once that a turn is to stop (P13), and publishes `turn.interrupting`.
--@include session_keys publish
local function request_interrupt(seq, events_kept, events_ttl_ms)
  local turn = K_TURN_PREFIX .. seq
  if redis.call('HSETNX', turn, 'interrupt', '1') == 0 then return end
  local event = {type = 'turn.interrupting', seq = tonumber(seq), turnId = redis.call('HGET', turn, 'id')}
  publish(events_kept, events_ttl_ms, {cjson.encode(event)})
end
