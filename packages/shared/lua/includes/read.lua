-- The given fields of a hash, by name. A field that the hash lacks is nil.
local function read(key, ...)
  local values, fields = redis.call('HMGET', key, ...), {}
  for at, name in ipairs({...}) do fields[name] = values[at] or nil end
  return fields
end
