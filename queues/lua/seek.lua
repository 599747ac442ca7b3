-- Returns the pending changes that carry one of some person keys behind their first one, by an index (index.lua).
--
-- KEYS  1 queue hash  2 pending
-- ARGV  person keys
-- Returns the changes in their order; nil if the index was discarded meanwhile. Writes nothing. For the buckets see
-- index.lua.
local m = redis.call('HMGET', KEYS[1], 'places', 'taken')
local since, taken = string.match(m[1] or '', '^(%d+) '), tonumber(m[2] or 0)
if not since then return false end
local wanted, places, seen = {}, {}, {}
for _, key in ipairs(ARGV) do
  wanted[key] = true
  local bucket = KEYS[1] .. ':places:' .. since .. ':' .. string.sub(key, 1, 1)
  for place in string.gmatch(redis.call('HGET', bucket, string.sub(key, 2, 8)) or '', '%d+') do
    local at = tonumber(place) - taken
    if at >= 0 and not seen[at] then
      seen[at] = true
      places[#places + 1] = at
    end
  end
end
table.sort(places)
local found = {}
for _, at in ipairs(places) do
  local change = redis.call('LINDEX', KEYS[2], at)
  for _, key in ipairs(change and keys_of(change) or {}) do
    if wanted[key] then
      found[#found + 1] = change
      break
    end
  end
end
return found
