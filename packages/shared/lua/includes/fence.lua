-- Admits a write of a session's owner: OK (new), REPEATED (the batch number is known: change nothing), FENCED or GAP.
-- The fence is compared for equality (P4). Batch numbers under one fence are dense, so a resend is recognised (P12).
--@include session_keys read
local function admit(fence, batch)
  local session = read(K_SESSION, 'fence', 'batch')
  if not session.fence or session.fence == '' or session.fence ~= fence then return 'FENCED' end
  local last = tonumber(session.batch)
  batch = tonumber(batch)
  if batch <= last then return 'REPEATED' end
  if batch > last + 1 then return 'GAP' end
  return 'OK'
end

-- Uses up the batch number of an admitted write. A script that refuses the write does not call it.
local function take_batch(batch)
  redis.call('HSET', K_SESSION, 'batch', batch)
end
