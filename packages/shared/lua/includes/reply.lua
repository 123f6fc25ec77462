-- The return codes of all scripts. `src/store/return-codes.ts` holds the same table.
local OK, REPEATED, ALREADY = 0, 1, 2
local FENCED, GAP, GONE, NOT_HEAD, NOT_EMPTY, OTHER = -1, -2, -3, -4, -5, -6
local BACKLOG_FULL, PROFILE_MISMATCH, EXHAUSTED, DEAD, MOVED = -7, -8, -9, -10, -11
local RUNNING, CLOSING, EXPIRED, INTERRUPTED, BUSY = -12, -13, -14, -15, -16

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
