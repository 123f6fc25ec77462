--[[ Accepts a turn into a session's log; opens the session when it is new.
ARGV  1 member (encoded session id)  2 sessionId  3 turnId  4 request (JSON)  5 ring job id  6 profile or ''
      7 incarnation for a new session  8 backlog limit  9 ms until the first look of a sweep
      10 events kept  11 events ttl ms  12 prefix of the workers' wake channels  13 ms it may wait before it begins, or ''
      14 '1' opens a session for this one turn  15 ring of the job that brought it, or ''
      16 ms to remember the turn  17 what to do when turns wait or run: 'enqueue', 'reject', or 'interrupt': stop the one that
      runs, and go ahead of those that wait  18 result (JSON) and 19 event of a turn that is never to be served, with "seq":0; or ''
      Such a turn takes no place in the log: neither its profile nor turns that wait keep it out.
Reply {OK, seq, incarnation, cursor, ring, position or -1: committed, profile, owner that nobody heard for, or ''}   accepted; cursor: id of
                                                                 the last event before this turn's
      {REPEATED, seq, incarnation, cursor, ring, position or -1: committed, profile}   the turnId is known: nothing changed
      {CLOSING}   {GONE} the session was for one turn only   {BACKLOG_FULL, waiting}   {BUSY}   {PROFILE_MISMATCH, profile of the session}
ring is "<worker_number or 'intake'>/<job id>".
]]
--@include keys
--@include codes
--@include time
--@include publish
--@include settle
--@include forget_once
--@include open
--@include control_request
local member, session_id, turn_id, request, ring_id, profile = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local s = redis.call('HMGET', K_SESSION, 'incarnation', 'profile', 'workerNumber', 'events', 'owner', 'closing', 'once')
local known = redis.call('HGET', K_TURNIDS, turn_id)
if known and redis.call('EXISTS', K_TURN .. known) == 0 then
  -- The turn's time to be remembered is over, and no commit has come since that would have forgotten its turnId.
  redis.call('HDEL', K_TURNIDS, turn_id)
  redis.call('ZREM', K_DONE, known .. ' ' .. turn_id)
  known = nil
end
if known then
  local t = redis.call('HMGET', K_TURN .. known, 'cursor', 'ring', 'state')
  local position = redis.call('ZRANK', K_LOG, known) or -1
  return {REPEATED, tonumber(known), s[1], tonumber(t[1] or '0'), t[2] or '', position, s[2]}
end
if s[6] then return {CLOSING} end
if s[7] then return {GONE} end
local is_refused = ARGV[18] ~= ''
local waiting = redis.call('ZCARD', K_LOG)
if not is_refused then
  if s[1] and profile ~= '' and s[2] ~= profile then return {PROFILE_MISMATCH, s[2]} end
  if ARGV[17] == 'reject' and waiting > 0 then return {BUSY} end
  if waiting >= tonumber(ARGV[8]) then return {BACKLOG_FULL, waiting} end
end

local now = now_ms()
if not s[1] then
  if profile == '' then profile = 'default' end
  open_session(session_id, ARGV[7], profile, now)
  if ARGV[14] == '1' then redis.call('HSET', K_SESSION, 'once', '1') end
  s = {ARGV[7], profile, '', '0'}
end
local seq = redis.call('HINCRBY', K_SESSION, 'seq', 1)
local order, position, running = seq, waiting, nil
if ARGV[17] == 'interrupt' and waiting > 0 and not is_refused then
  local first = redis.call('ZRANGE', K_LOG, 0, 1, 'WITHSCORES')
  if redis.call('HGET', K_TURN .. first[1], 'state') == 'running' then running = table.remove(first, 1) table.remove(first, 1) end
  if first[2] then order = tonumber(first[2]) - 1 end
  position = running and 1 or 0
end
local queue = s[3]
if not queue or queue == '' then queue = 'intake' end
local ring = queue .. '/' .. ring_id
redis.call('HSET', K_TURN .. seq, 'id', turn_id, 'request', request, 'at', now, 'ring', ring, 'attempts', 0, 'tools', '',
  'state', 'queued', 'cursor', s[4])
if ARGV[13] ~= '' then
  redis.call('HSET', K_TURN .. seq, 'expires', now + tonumber(ARGV[13]), 'member', member)
  redis.call('ZADD', K_DEADLINES, now + tonumber(ARGV[13]), member .. ' ' .. seq)
end
if ARGV[15] ~= '' then redis.call('HSET', K_TURN .. seq, 'rang', ARGV[15]) end
redis.call('HSET', K_TURNIDS, turn_id, seq)
redis.call('ZADD', K_LOG, order, seq)
redis.call('HSET', K_SESSION, 'used', now)
redis.call('ZADD', K_PENDING, 'NX', now + tonumber(ARGV[9]), member)
redis.call('ZADD', K_SESSIONS, now, member)
ARGV[20] = cjson.encode({type = 'turn.queued', seq = seq, turnId = turn_id, position = position})
if is_refused then
  -- Into the log and out of it at once: whoever waits for the turn is told, and its turnId is known.
  settle(seq, member, (string.gsub(ARGV[18], '"seq":0', '"seq":' .. seq, 1)), '[]', 'failed', ARGV[16], ARGV[9], 2)
  ARGV[21] = string.gsub(ARGV[19], '"seq":0', '"seq":' .. seq, 2)
  publish(ARGV[10], ARGV[11], 20)
  forget_once(member, ARGV[16])
  return {OK, seq, s[1], tonumber(s[4]), ring, -1, s[2]}
end
publish(ARGV[10], ARGV[11], 20)
if running then request_interrupt(running, s[5], ARGV[12], session_id, ARGV[10], ARGV[11]) end
-- The doorbell carries the turn; this only spares an idle owner the way through the queue.
local unheard = ''
if s[5] and s[5] ~= '' and redis.call('PUBLISH', ARGV[12] .. s[5], session_id) == 0 then unheard = s[5] end
return {OK, seq, s[1], tonumber(s[4]), ring, position, s[2], unheard}
