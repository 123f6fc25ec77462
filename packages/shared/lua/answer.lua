-- Resolves a permission request, once. Claim and begin delete the requests of former owners and attempts, so a stored
-- request is the owner's. Of a resolved request only the answer is kept, under "<request id>!".
--@args request_id seq incarnation session_id wake_prefix events_kept events_ttl_ms event
--@args answer             -- JSON with a random id, so that a resend differs from a second answer
--@args fence              -- of an owner that resolves its own request, or ''
--@reply OK|REPEATED|GONE|FENCED
--@reply ALREADY answer    -- another answer resolved it
--@include session_keys reply read publish wake
local session = read(K_SESSION, 'incarnation', 'owner', 'fence')
if session.incarnation ~= incarnation then return reply('GONE') end
if fence ~= '' and session.fence ~= fence then return reply('FENCED') end
local answer_field = request_id .. '!'
local known = redis.call('HGET', K_PERMISSIONS, answer_field)
if known == answer then return reply('REPEATED') end
if known then return reply('ALREADY', {answer = known}) end
local is_open = redis.call('HEXISTS', K_PERMISSIONS, request_id) == 1 and redis.call('ZSCORE', K_LOG, seq)
if not is_open then return reply('GONE') end
redis.call('HSET', K_PERMISSIONS, request_id, '', answer_field, answer)
publish(events_kept, events_ttl_ms, {event})
wake(session.owner, wake_prefix, session_id .. ' answered ' .. request_id)
return reply('OK')
