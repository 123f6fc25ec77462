-- Makes a worker the owner of a session, by compare and swap of the lock record. ALREADY: the worker was the owner before.
-- A dead worker stays dead, so the caller may read the owner's lease before the call, although it lies in another slot.
--@args worker_id worker_number dead_fence
--@args nonce              -- for a new fence
--@args seq                -- of the doorbell; 0 claims the session before any turn, to warm it
--@reply OK|ALREADY fence batch:number incarnation claude_session_id? transcript_chunks:number profile note is_single_turn:flag  -- note: for the next prompt, or ''
--@reply OTHER owner worker_number:number fence  -- the caller has to check that owner's lease
--@reply MOVED result?     -- the turn has a result, absent once that is forgotten; nothing is claimed
--@reply GONE              -- no such session or turn, or the session is closing and the worker is not its owner
--@include session_keys reply read truncate_transcript
local session = read(K_SESSION, 'incarnation', 'owner', 'workerNumber', 'fence', 'batch', 'seq', 'closing')
if not session.incarnation then return reply('GONE') end
if seq ~= '0' and not redis.call('ZSCORE', K_LOG, seq) then
  if tonumber(seq) > tonumber(session.seq) then return reply('GONE') end
  return reply('MOVED', {result = redis.call('HGET', K_TURN_PREFIX .. seq, 'result') or ''})
end
local function granted(code, fence, batch)
  local now = read(K_SESSION, 'claude', 'transcript', 'profile', 'note', 'singleTurn')
  return reply(code, {fence = fence, batch = batch, incarnation = session.incarnation,
    claude_session_id = now.claude, transcript_chunks = now.transcript, profile = now.profile, note = now.note,
    is_single_turn = now.singleTurn or ''})
end
if session.owner == worker_id then return granted('ALREADY', session.fence, session.batch) end
if session.closing then return reply('GONE') end
if session.owner ~= '' and session.fence ~= dead_fence then
  return reply('OTHER', {owner = session.owner, worker_number = session.workerNumber, fence = session.fence})
end
local fence = redis.call('HINCRBY', K_SESSION, 'epoch', 1) .. '.' .. nonce
redis.call('HSET', K_SESSION, 'owner', worker_id, 'workerNumber', worker_number, 'fence', fence, 'batch', 0, 'sweeps', 0)
truncate_transcript()
-- The permission requests of the former owner's agent are void (P13).
redis.call('DEL', K_PERMISSIONS)
return granted('OK', fence, 0)
