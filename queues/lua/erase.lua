-- Removes pending changes and dead letters from a queue, because their person asked to be forgotten. They count as
-- superseded: the erasure came after them.
--
-- KEYS  1 queue hash  2 pending  3 due  4 dead  5 buried
-- ARGV  1 queue  2 now, ms  3 n, number of changes  4 .. 3+n changes (exact stored form)  then ids of dead letters
-- Returns {pending changes erased, dead letters erased}, without those taken or replayed meanwhile.
-- It reads all pending changes, about 1 us each, and blocks Redis meanwhile; erasures are rare.
local wanted, n = {}, tonumber(ARGV[3])
for i = 4, 3 + n do wanted[ARGV[i]] = true end
local letters = 0
for i = 4 + n, #ARGV do
  if unbury(KEYS[4], KEYS[5], ARGV[i]) then letters = letters + 1 end
end
local m = redis.call('HMGET', KEYS[1], 'taken', 'upto')
local asked = tonumber(m[2] or 0) - tonumber(m[1] or 0)
local places, head, among_asked = {}, nil, 0
for first = 0, n > 0 and redis.call('LLEN', KEYS[2]) - 1 or -1, 1000 do
  for i, change in ipairs(redis.call('LRANGE', KEYS[2], first, first + 999)) do
    if wanted[change] then
      head = head or change
      places[#places + 1] = first + i - 1
      if first + i <= asked then among_asked = among_asked + 1 end
    end
  end
end
local gone = #places
if gone > 0 then
  -- The first write frees memory, so that a full Redis lets this script finish. The others, now one place further
  -- forward, are marked and removed together, because each LREM reads the whole queue.
  redis.call('LREM', KEYS[2], 1, head)
  for i = 2, gone do redis.call('LSET', KEYS[2], places[i] - 1, '') end
  redis.call('LREM', KEYS[2], 0, '')
  redis.call('HDEL', KEYS[1], 'places')
end
-- A requested flush is complete without them.
if among_asked > 0 then redis.call('HINCRBY', KEYS[1], 'upto', -among_asked) end
if gone + letters > 0 then redis.call('HINCRBY', KEYS[1], 'superseded', gone + letters) end
if letters > 0 then redis.call('HINCRBY', KEYS[1], 'dead', -letters) end
if gone > 0 then reindex(KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[2])) end
if gone + letters > 0 then keep(KEYS[1]) end
return {gone, letters}
