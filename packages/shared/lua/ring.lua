-- Records a new ring of a turn before its doorbell is added. A compare and swap, so that of two callers only one rings.
-- A ring is "<worker number or 'intake'>/<job id>".
--@args seq seen next
--@reply OK turn_id request profile
--@reply ALREADY turn_id request profile  -- the new ring is recorded (a resend)
--@reply MOVED             -- another ring was recorded since
--@reply GONE              -- the turn is not in the log
--@include session_keys reply read
local turn_key = K_TURN_PREFIX .. seq
if not redis.call('ZSCORE', K_LOG, seq) then return reply('GONE') end
local turn = read(turn_key, 'ring', 'id', 'request', 'formerRings')
local is_repeated = turn.ring == next
if turn.ring ~= seen and not is_repeated then return reply('MOVED') end
-- All rings are kept, because closing the session removes their jobs.
if not is_repeated then
  local former = (turn.formerRings and turn.formerRings .. '\n' or '') .. turn.ring
  redis.call('HSET', turn_key, 'ring', next, 'formerRings', former)
end
local profile = redis.call('HGET', K_SESSION, 'profile')
return reply(is_repeated and 'ALREADY' or 'OK', {turn_id = turn.id, request = turn.request, profile = profile})
