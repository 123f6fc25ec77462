-- Marks a session as closing, so that it accepts no turn and no owner. The caller then withdraws its turns and erases it.
-- If the caller dies, the session stands first in `sessions`, where retention finds it.
--@args member session_id wake_prefix incarnation
--@args used_before        -- close only a session last used before this time (ms) that has no turn waiting or delayed; or ''
--@reply OK owner? fence seqs:number[]  -- seqs: the turns in its log
--@reply GONE              -- the session is erased, or this is another incarnation
--@reply MOVED             -- it was used since, or a delayed turn will use it
--@include session_keys reply read time wake
local session = read(K_SESSION, 'incarnation', 'owner', 'fence', 'used', 'closing')
if session.incarnation ~= incarnation then return reply('GONE') end
local log = redis.call('ZRANGE', K_LOG, 0, -1)
if used_before ~= '' and not session.closing then
  if #log > 0 or tonumber(session.used) >= tonumber(used_before) then return reply('MOVED') end
  if redis.call('EXISTS', K_DELAYED) == 1 then
    -- The delayed turn counts as a use, so that retention checks other sessions first.
    local now = now_ms()
    redis.call('HSET', K_SESSION, 'used', now)
    redis.call('ZADD', K_SESSIONS, now, member)
    return reply('MOVED')
  end
end
redis.call('HSET', K_SESSION, 'closing', '1')
redis.call('ZADD', K_SESSIONS, 0, member)
wake(session.owner, wake_prefix, session_id .. ' close')
return reply('OK', {owner = session.owner, fence = session.fence, seqs = log})
