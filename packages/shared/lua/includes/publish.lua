-- Appends the events ARGV[from..] to the stream with dense ids and publishes the same entries.
-- The channel's message is "<incarnation> <id of the first> [event,event,…]".
local function publish(kept, ttl_ms, from)
  local count = #ARGV - from + 1
  if count < 1 then return end
  local first = redis.call('HINCRBY', K_SESSION, 'events', count) - count + 1
  for at = 0, count - 1 do
    redis.call('XADD', K_EVENTS, 'MAXLEN', '~', kept, (first + at) .. '-0', 'e', ARGV[from + at])
  end
  redis.call('PEXPIRE', K_EVENTS, ttl_ms)
  local incarnation = redis.call('HGET', K_SESSION, 'incarnation')
  redis.call('PUBLISH', K_CHANNEL, incarnation .. ' ' .. first .. ' [' .. table.concat(ARGV, ',', from) .. ']')
end
