-- Calls the owner of a session, if it has one, on the worker's wake channel (`src/store/wake-call.ts`).
-- Returns false when the call reached no subscriber, so that the owner may be dead.
local function wake(owner, wake_prefix, call)
  return not owner or owner == '' or redis.call('PUBLISH', wake_prefix .. owner, call) > 0
end
