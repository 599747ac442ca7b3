-- Writes a portion of a settlement (settlement.py): supersedes older dead letters, or moves changes to the dead letters.
-- These changes are counted as dead at once, and no longer as open.
--
-- KEYS  1 queue hash  2 batch hash  3 batch changes  4 dead  5 buried
-- ARGV  1 token  2 items written before this portion  3 after it
--       4 the same after all changes that settled a person's membership; if there are no older letters, it skips them
--       5 most dead letters kept  6 reason of dead letters that are never deleted
--       7 n, number of changes that settled a person's membership  8 .. 7+n their indexes (from 1)
--       then for each dead letter: index of the change (from 1), reason, detail
-- Returns the items written so far; if this portion was not the next one, nothing was written. -1 when the token is
-- not the batch's current one.
local b = redis.call('HMGET', KEYS[2], 'token', 'written', 'taken', 'attempts')
if b[1] ~= ARGV[1] then return -1 end
if b[2] ~= ARGV[2] then return tonumber(b[2]) end
-- The first write takes no memory, so that a full Redis lets this script finish.
redis.call('HDEL', KEYS[2], '')
local n, written = tonumber(ARGV[7]), tonumber(ARGV[3])
local dead, overtaken = (#ARGV - 7 - n) / 3, 0
if n > 0 and redis.call('EXISTS', KEYS[5]) == 0 then
  written = tonumber(ARGV[4])
elseif n > 0 then
  for i = 8, 7 + n do
    overtaken = overtaken + overtake(KEYS[4], KEYS[5], redis.call('LINDEX', KEYS[3], ARGV[i] - 1))
  end
end
for i = 8 + n, #ARGV, 3 do
  bury(KEYS[4], KEYS[5], redis.call('LINDEX', KEYS[3], ARGV[i] - 1), ARGV[i + 1], ARGV[i + 2], b[3], b[4])
end
if dead > 0 then shed(KEYS[1], KEYS[4], KEYS[5], tonumber(ARGV[5]), ARGV[6]) end
redis.call('HINCRBY', KEYS[1], 'open', 0 - dead)
redis.call('HINCRBY', KEYS[1], 'dead', dead - overtaken)
redis.call('HINCRBY', KEYS[1], 'superseded', overtaken)
redis.call('HINCRBY', KEYS[2], 'count', 0 - dead)
redis.call('HSET', KEYS[2], 'written', written)
keep(KEYS[1])
return written
