-- Takes a person out of a queue, because the person asked to be forgotten: what waits and the dead letters. Or only
-- looks for them, to learn under what other keys there is more.
--
-- KEYS  1 queue hash  2 pending  3 due  4 dead  5 buried  6 open
-- ARGV  1 queue  2 now, ms  3 ms at which the erasure was accepted; what came later stays
--       4 '1' to erase, '' to look  5 '1' where the first key of a change alone tells whose it is
--       6 '1' where what a snapshot has brought is as old as the snapshot  7 .. person keys
-- Returns {1 when the person is in an open batch, which nobody can take out of, pending changes erased, dead letters
-- erased, other person keys of what was found}. Erased changes count as superseded: the erasure came after them.
-- It reads everything that waits, about 1 us a change, and nothing else runs meanwhile; erasures are rare.
local keys, found = {}, {}
local open, erases, by_first, of_snapshots = 0, ARGV[4] == '1', ARGV[5] == '1', ARGV[6] == '1'
for i = 7, #ARGV do
  keys[ARGV[i]] = true
  if redis.call('SISMEMBER', KEYS[6], ARGV[i]) == 1 then open = 1 end
end

-- is_old(change): whether it says what was so before the erasure. A snapshot's time stands behind its action, and may be
-- long before its changes were written down.
local function is_old(change)
  if string.sub(change, 2, 14) <= ARGV[3] then return true end
  if not of_snapshots then return false end
  local at = string.match(change, '^%["%l+",(%d+),"snapshot",', 15 + 16 * tonumber(string.sub(change, 1, 1)))
  return at ~= nil and tonumber(at) <= tonumber(ARGV[3])
end

-- matches(change): whether it is the person's and old enough; notes its other keys then, where they are the person's too.
local function matches(change)
  if not is_old(change) then return false end
  local persons, ours = keys_of(change), false
  if by_first then return keys[persons[1]] end
  for _, key in ipairs(persons) do ours = ours or keys[key] end
  if ours then
    for _, key in ipairs(persons) do
      if not keys[key] then found[key] = true end
    end
  end
  return ours
end

local letters = 0
for i = 7, #ARGV do
  for id in string.gmatch(redis.call('HGET', KEYS[5], ARGV[i]) or '', '%S+') do
    local letter = redis.call('XRANGE', KEYS[4], id, id)[1]
    if letter and matches(letter[2][2]) and erases then
      unbury(KEYS[4], KEYS[5], id)
      letters = letters + 1
    end
  end
end
local m = redis.call('HMGET', KEYS[1], 'taken', 'upto')
local asked = tonumber(m[2] or 0) - tonumber(m[1] or 0)
local places, head, among_asked = {}, nil, 0
for first = 0, redis.call('LLEN', KEYS[2]) - 1, 1000 do
  for i, change in ipairs(redis.call('LRANGE', KEYS[2], first, first + 999)) do
    if matches(change) then
      head = head or change
      places[#places + 1] = first + i - 1
      if first + i <= asked then among_asked = among_asked + 1 end
    end
  end
end
local others = {}
for key in pairs(found) do others[#others + 1] = key end
if not erases then return {open, 0, 0, others} end
local gone = #places
if gone > 0 then
  -- The first write frees memory, so that a full Redis lets this script finish. The others are marked and go together,
  -- for each LREM reads the whole queue; they have moved up by one.
  redis.call('LREM', KEYS[2], 1, head)
  for i = 2, gone do redis.call('LSET', KEYS[2], places[i] - 1, '') end
  redis.call('LREM', KEYS[2], 0, '')
end
-- A flush that was asked for is complete without them.
if among_asked > 0 then redis.call('HINCRBY', KEYS[1], 'upto', -among_asked) end
if gone + letters > 0 then redis.call('HINCRBY', KEYS[1], 'superseded', gone + letters) end
if letters > 0 then redis.call('HINCRBY', KEYS[1], 'dead', -letters) end
if gone > 0 then reindex(KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[2])) end
return {open, gone, letters, others}
