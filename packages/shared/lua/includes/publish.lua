-- Appends events to the stream with dense ids and publishes the same entries.
-- The channel's message is "<incarnation> <id of the first> [event,event,…]".
local function publish_these(kept, ttl_ms, events)
  local count = #events
  if count < 1 then return end
  local first = redis.call('HINCRBY', K_SESSION, 'events', count) - count + 1
  for at = 1, count do
    redis.call('XADD', K_EVENTS, 'MAXLEN', '~', kept, (first + at - 1) .. '-0', 'e', events[at])
  end
  redis.call('PEXPIRE', K_EVENTS, ttl_ms)
  local incarnation = redis.call('HGET', K_SESSION, 'incarnation')
  redis.call('PUBLISH', K_CHANNEL, incarnation .. ' ' .. first .. ' [' .. table.concat(events, ',') .. ']')
end

-- The events ARGV[from..].
local function publish(kept, ttl_ms, from)
  local events = {}
  for at = from, #ARGV do events[#events + 1] = ARGV[at] end
  publish_these(kept, ttl_ms, events)
end
