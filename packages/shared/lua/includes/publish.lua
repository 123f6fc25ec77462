-- A JSON object together with fields that the script decides. `src/store/entry.ts` parses it.
local function entry(json, fields)
  return '[' .. json .. ',' .. cjson.encode(fields) .. ']'
end

-- Appends events to the stream under dense ids, and publishes the same events (P11). An event is a JSON object or an entry.
-- The message on the channel is "<incarnation> <id of the first event> [event,event,…]".
--@include session_keys
local function publish(events_kept, events_ttl_ms, events)
  local count = #events
  if count < 1 then return end
  local first = redis.call('HINCRBY', K_SESSION, 'events', count) - count + 1
  for at = 1, count do
    redis.call('XADD', K_EVENTS, 'MAXLEN', '~', events_kept, (first + at - 1) .. '-0', 'e', events[at])
  end
  redis.call('PEXPIRE', K_EVENTS, events_ttl_ms)
  local incarnation = redis.call('HGET', K_SESSION, 'incarnation')
  redis.call('PUBLISH', K_CHANNEL, incarnation .. ' ' .. first .. ' [' .. table.concat(events, ',') .. ']')
end
