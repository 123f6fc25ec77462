--[[ Wins the right to look at sessions of one shard whose turns have waited too long, by bumping their time.
KEYS  1 the shard's pending set  2 prefix of its sessions' keys
ARGV  1 at most so many  2 ms to the next look after the first (doubles with every look in vain)  3 longest such time
      4… workerIds known to be dead: their sessions are looked at now, once
Reply {OK, member, seq, ring, state, owner, fence, seat, …}   seven values for each session won
]]
--@include codes
--@include time
local now = now_ms()
local reply = {OK}
local dead = {}
for at = 4, #ARGV do dead[ARGV[at]] = true end
local function look(member)
  local key = KEYS[2] .. member
  local seq = redis.call('ZRANGE', key .. ':log', 0, 0)[1]
  local s = redis.call('HMGET', key, 'owner', 'fence', 'seat')
  if not seq then return end
  -- Also when its time has come anyway: looked at for its dead owner, it is not won a second time.
  if dead[s[1]] then redis.call('HSET', key, 'lookedFence', s[2]) end
  local looks = redis.call('HINCRBY', key, 'looks', 1)
  local wait = math.min(tonumber(ARGV[2]) * 2 ^ math.min(looks - 1, 20), tonumber(ARGV[3]))
  redis.call('ZADD', KEYS[1], now + wait, member)
  local t = redis.call('HMGET', key .. ':turn:' .. seq, 'ring', 'state')
  for _, value in ipairs({member, tonumber(seq), t[1], t[2], s[1], s[2], s[3]}) do reply[#reply + 1] = value end
end
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])) do look(member) end
if #ARGV > 3 then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], now + 1, '+inf', 'BYSCORE')) do
    local key = KEYS[2] .. member
    local s = redis.call('HMGET', key, 'owner', 'fence', 'lookedFence')
    if s[1] and dead[s[1]] and s[2] ~= s[3] then look(member) end
  end
end
return reply
