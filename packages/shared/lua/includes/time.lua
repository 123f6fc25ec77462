-- Redis' clock in ms: the one clock that all workers and producers share.
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
