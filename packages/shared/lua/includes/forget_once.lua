-- Nobody works on a session any more: one for one turn leaves all lists, and only its result is remembered, for so long. Needs keys.
local function forget_once(member, remember_ms)
  if not redis.call('HGET', K_SESSION, 'once') then return end
  redis.call('DEL', K_TRANSCRIPT)
  redis.call('ZREM', K_SESSIONS, member)
  for _, key in ipairs({K_SESSION, K_TURNIDS, K_DONE, K_PERMISSIONS}) do redis.call('PEXPIRE', key, remember_ms) end
end
