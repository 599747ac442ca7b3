-- Finds everything in a queue that carries certain person keys, for an erasure. Writes nothing.
--
-- KEYS  1 pending  2 dead  3 buried  4 open
-- ARGV  person keys
-- Returns {1 when a change in an open batch carries one, the pending changes that do, ids and changes of the dead
-- letters that do}. It reads all pending changes, about 1 us each, and blocks Redis meanwhile; erasures are rare.
local keys, open = {}, 0
for _, key in ipairs(ARGV) do
  keys[key] = true
  if redis.call('SISMEMBER', KEYS[4], key) == 1 then open = 1 end
end
local waiting = {}
for first = 0, redis.call('LLEN', KEYS[1]) - 1, 1000 do
  for _, change in ipairs(redis.call('LRANGE', KEYS[1], first, first + 999)) do
    for _, key in ipairs(keys_of(change)) do
      if keys[key] then
        waiting[#waiting + 1] = change
        break
      end
    end
  end
end
local letters, seen = {}, {}
for _, key in ipairs(ARGV) do
  for id in string.gmatch(redis.call('HGET', KEYS[3], key) or '', '%S+') do
    local letter = not seen[id] and redis.call('XRANGE', KEYS[2], id, id)[1]
    seen[id] = true
    if letter then
      letters[#letters + 1] = id
      letters[#letters + 1] = letter[2][2]
    end
  end
end
return {open, waiting, letters}
