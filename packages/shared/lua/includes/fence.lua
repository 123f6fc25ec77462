-- Admits a worker's write: OK (new, number taken), REPEATED (known number: change nothing), FENCED or GAP.
-- The fence is compared for equality (P4); numbers under one fence are dense (P12), so a resend is recognised.
local function admit(fence, batch)
  local current = redis.call('HMGET', K_SESSION, 'fence', 'batch')
  if not current[1] or current[1] == '' or current[1] ~= fence then return FENCED end
  local last = tonumber(current[2])
  batch = tonumber(batch)
  if batch <= last then return REPEATED end
  if batch > last + 1 then return GAP end
  return OK
end

local function take_number(batch)
  redis.call('HSET', K_SESSION, 'batch', batch)
end
