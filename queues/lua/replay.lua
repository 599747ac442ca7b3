-- Puts dead letters back into their queue, ahead of everything that was accepted after them, so that later changes of
-- the same person win. Letters of people in an open batch stay, because the open change may be the later one.
--
-- KEYS  1 queue hash  2 pending  3 due  4 dead  5 buried  6 open
-- ARGV  1 queue  2 now, ms  3 a change to put back instead of that of a single letter, '' for its own
--       4 .. ids of dead letters, oldest first
-- Returns {number replayed, number that had to stay, became due}; missing ids are not counted.

-- put_back(pending, change): inserts a change before the first one accepted at the same time or later. Pending changes
-- are in the order of acceptance, so a binary search finds the place, which is usually near the front.
local function put_back(pending, change)
  local time = string.sub(change, 2, 14)
  local first, last = 0, redis.call('LLEN', pending)
  while first < last do
    local middle = math.floor((first + last) / 2)
    if string.sub(redis.call('LINDEX', pending, middle), 2, 14) < time then first = middle + 1 else last = middle end
  end
  local later = redis.call('LINDEX', pending, first)
  if later then redis.call('LINSERT', pending, 'BEFORE', later, change) else redis.call('RPUSH', pending, change) end
end

-- marked(change): the change, marked as replayed (change.py), so that its time does not count as late.
local function marked(change)
  if string.sub(change, -6) == ',true]' then return change end
  return string.sub(change, 1, -2) .. ',true]'
end

local replayed, stayed = 0, 0
for i = #ARGV, 4, -1 do
  local letter = redis.call('XRANGE', KEYS[4], ARGV[i], ARGV[i])[1]
  if letter then
    local stays = false
    for _, is_open in ipairs(redis.call('SMISMEMBER', KEYS[6], unpack(keys_of(letter[2][2])))) do
      stays = stays or is_open == 1
    end
    if stays then
      stayed = stayed + 1
    else
      local change = unbury(KEYS[4], KEYS[5], ARGV[i])
      put_back(KEYS[2], marked(ARGV[3] ~= '' and ARGV[3] or change))
      replayed = replayed + 1
    end
  end
end
if replayed == 0 then return {0, stayed, 0} end
redis.call('HDEL', KEYS[1], 'places')
redis.call('HINCRBY', KEYS[1], 'dead', -replayed)
keep(KEYS[1])
return {replayed, stayed, reindex(KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[2]))}
