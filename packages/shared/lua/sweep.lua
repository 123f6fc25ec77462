-- Finds the overdue sessions of one shard, and postpones their next check, so that only this caller gets them. Also finds all
-- sessions of dead workers. Every caller gets these, because a caller may die with the reply.
--@keys pending session_prefix
--@args at_most            -- how many overdue sessions
--@args look_after_ms      -- time to the next check after the first sweep; doubles with each sweep
--@args look_at_most_ms    -- upper bound of that time
--@rest dead_workers
--@reply OK sessions[]
--@each sessions member seq:number ring owner? worker_number:number?  -- seq and ring: of the first turn in the log
--@include reply read time
local now = now_ms()
local dead = {}
for _, worker_id in ipairs(dead_workers) do dead[worker_id] = true end

local function read_lock(member) return read(K_SESSION_PREFIX .. member, 'owner', 'workerNumber') end

local sessions = {}
local function report(member, lock)
  local key = K_SESSION_PREFIX .. member
  local seq = redis.call('ZRANGE', key .. ':log', 0, 0)[1]
  if not seq then return false end
  local ring = redis.call('HGET', key .. ':turn:' .. seq, 'ring')
  sessions[#sessions + 1] = named({member = member, seq = seq, ring = ring, owner = lock.owner, worker_number = lock.workerNumber})
  return true
end

for _, member in ipairs(redis.call('ZRANGE', K_PENDING, '-inf', now, 'BYSCORE', 'LIMIT', 0, at_most)) do
  local lock = read_lock(member)
  if not dead[lock.owner] and report(member, lock) then
    local sweeps = redis.call('HINCRBY', K_SESSION_PREFIX .. member, 'sweeps', 1)
    local wait = math.min(tonumber(look_after_ms) * 2 ^ math.min(sweeps - 1, 20), tonumber(look_at_most_ms))
    redis.call('ZADD', K_PENDING, now + wait, member)
  end
end
if #dead_workers > 0 then
  for _, member in ipairs(redis.call('ZRANGE', K_PENDING, 0, -1)) do
    local lock = read_lock(member)
    if dead[lock.owner] and report(member, lock) then
      -- Earlier sweeps found a turn that ran. The next check is only moved forward, so that other callers still find the session.
      redis.call('HSET', K_SESSION_PREFIX .. member, 'sweeps', 0)
      redis.call('ZADD', K_PENDING, 'LT', now + tonumber(look_after_ms), member)
    end
  end
end
return reply('OK', {sessions = sessions})
