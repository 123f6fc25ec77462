-- Stores, once, that a turn is to stop (P13), says so in the stream, and calls its owner. Needs keys, publish.
local function request_interrupt(seq, owner, wake_prefix, session_id, kept, ttl_ms)
  local turn = K_TURN .. seq
  if redis.call('HSETNX', turn, 'interrupt', '1') == 1 then
    local event = {type = 'turn.interrupting', seq = tonumber(seq), turnId = redis.call('HGET', turn, 'id')}
    publish_these(kept, ttl_ms, {cjson.encode(event)})
  end
  if owner and owner ~= '' then redis.call('PUBLISH', wake_prefix .. owner, session_id .. ' interrupt ' .. seq) end
end
