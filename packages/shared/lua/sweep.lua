--[[ Wins the right to look at sessions of one shard whose turns have waited too long, by bumping their time.
KEYS  1 the shard's pending set  2 prefix of its sessions' keys
ARGV  1 at most so many  2 ms to the next look after the first (doubles with every look in vain)  3 longest such time
      4… workerIds known to be dead: all their sessions are told, as often as somebody asks, and looked at again soon
Reply {OK, member, seq, ring, state, owner, fence, worker number, …}   seven values for each session
]]
--@include codes
--@include time
local now = now_ms()
local reply = {OK}
local dead = {}
for at = 4, #ARGV do dead[ARGV[at]] = true end
local function tell(member, s)
  local seq = redis.call('ZRANGE', KEYS[2] .. member .. ':log', 0, 0)[1]
  if not seq then return false end
  local t = redis.call('HMGET', KEYS[2] .. member .. ':turn:' .. seq, 'ring', 'state')
  for _, value in ipairs({member, tonumber(seq), t[1], t[2], s[1], s[2], s[3]}) do reply[#reply + 1] = value end
  return true
end
local function lock(member) return redis.call('HMGET', KEYS[2] .. member, 'owner', 'fence', 'workerNumber') end
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])) do
  local s = lock(member)
  if not dead[s[1]] and tell(member, s) then
    local looks = redis.call('HINCRBY', KEYS[2] .. member, 'looks', 1)
    local wait = math.min(tonumber(ARGV[2]) * 2 ^ math.min(looks - 1, 20), tonumber(ARGV[3]))
    redis.call('ZADD', KEYS[1], now + wait, member)
  end
end
if #ARGV > 3 then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    local s = lock(member)
    if dead[s[1]] and tell(member, s) then
      -- The looks were at a turn that ran. Nothing here takes the right to look from anybody: whoever asked may never hear of it.
      redis.call('HSET', KEYS[2] .. member, 'looks', 0)
      redis.call('ZADD', KEYS[1], 'LT', now + tonumber(ARGV[2]), member)
    end
  end
end
return reply
