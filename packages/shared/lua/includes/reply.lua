-- A script returns one of the return codes that it declares, and the named fields of that code. In all scripts mean
--   OK         done
--   REPEATED   this very call took effect before; nothing changed (P12)
--   ALREADY    what the caller asks for is the case already
--   FENCED     the fence is not the session's: another worker owns it, or none
--   GAP        a batch number or an offset before this one is missing, which is a defect of the caller
--   GONE       the session, turn or request does not exist
--   MOVED      the state is not the one that the caller saw
--   NOT_HEAD   the turn is not at the head of the log
--   CLOSING    the session is closing

-- Named fields in the form that Redis can return: name, value, name, value, …
local function named(fields)
  local flat = {}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  return flat
end

local function reply(code, fields)
  return {code, named(fields or {})}
end
