-- Ends a batch: every change is delivered, superseded by a later one of the same batch, or a dead letter.
--
-- KEYS  1 queue hash  2 open  3 ring  4 batches  5 batch hash  6 batch changes  7 dead  8 buried  9 due  10 warnings
--       11 history  12 settled  13 hours  14 hours of the partition  15 last settled batches of the partition  16 steps
-- ARGV  1 queue  2 batch  3 token  4 now, ms  5 delivered  6 superseded  7 imported without a check of the list
--       8 dead letters that settle_part.lua has written; if it has written any, release.lua has released the persons
--       9 outcomes of its changes (settled.py), '' to keep nothing  10 most changes in the history
--       11 ms for which the history is kept
--       12 most dead letters kept  13 reason of dead letters that are never deleted
--       14 JSON: warning code -> number of people delivered without some field
--       15 n, number of changes that settled a person's membership  16 .. 15+n their indexes (from 1)
--       then for each dead letter: index of the change (from 1), reason, detail
-- Pending changes have priority over the history: if less than a fifth of the memory is left, no history is written and
-- old history is deleted.
-- A dead letter is superseded if a later change of this batch has settled its person's membership.
-- Delivered changes and dead letters are also counted by the hour (hours.py), and the last settled batches of all
-- queues of the partition are indexed (history/last_batches.py), for pages that read them every few seconds.
-- Dead letters above the maximum until the next housekeeping are deleted, oldest first (bounds.py).
-- Returns {1, 1 if the queue is due by now, else 0}, or {0, 0} when the token is not the batch's current one.
local b = redis.call('HMGET', KEYS[5], 'token', 'count', 'attempts', 'taken', 'sent', 'fails')
if b[1] ~= ARGV[3] then return {0, 0} end
local n = tonumber(ARGV[15])
local dead, written = (#ARGV - 15 - n) / 3, tonumber(ARGV[8])
local total = ARGV[5] + ARGV[6] + ARGV[7] + dead
if total ~= tonumber(b[2]) then
  return redis.error_reply('FERRY settle of ' .. ARGV[2] .. ' accounts for ' .. total ..
    ' of ' .. b[2] .. ' changes; nothing was written')
end
local changes = redis.call('LRANGE', KEYS[6], 0, -1)
-- The first write frees memory, so that a full Redis lets this script finish.
redis.call('DEL', KEYS[5], KEYS[6])
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('ZREM', KEYS[4], ARGV[2])
local persons = {}
for _, change in ipairs(changes) do
  for _, key in ipairs(keys_of(change)) do persons[#persons + 1] = key end
end
in_parts(persons, 1, #persons, function(...) redis.call('SREM', KEYS[2], ...) end)

local overtaken = 0
if redis.call('EXISTS', KEYS[8]) == 1 then
  for i = 16, 15 + n do overtaken = overtaken + overtake(KEYS[7], KEYS[8], changes[tonumber(ARGV[i])]) end
end
for i = 16 + n, #ARGV, 3 do
  bury(KEYS[7], KEYS[8], changes[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2], b[4], b[3])
end
if dead > 0 then shed(KEYS[1], KEYS[7], KEYS[8], tonumber(ARGV[12]), ARGV[13]) end
redis.call('HINCRBY', KEYS[1], 'open', 0 - b[2])
if b[5] == '0' then redis.call('HINCRBY', KEYS[1], 'unsent', -1) end
if b[6] == '1' then redis.call('HINCRBY', KEYS[1], 'failing', -1) end
redis.call('HINCRBY', KEYS[1], 'delivered', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'superseded', ARGV[6] + overtaken)
if ARGV[7] ~= '0' then redis.call('HINCRBY', KEYS[1], 'imported', ARGV[7]) end
if ARGV[5] + ARGV[7] > 0 then redis.call('HSET', KEYS[1], 'landed', ARGV[4]) end
redis.call('HINCRBY', KEYS[1], 'dead', dead - overtaken)
local warnings = cjson.decode(ARGV[14])
for code, people in pairs(warnings) do redis.call('HINCRBY', KEYS[10], code, people) end
keep(KEYS[1], next(warnings) ~= nil)
local hour = math.floor(ARGV[4] / 3600000)
count_hour(KEYS[13], hour, ARGV[5], dead + written)
count_hour(KEYS[14], hour, ARGV[5], dead + written)
if ARGV[9] ~= '' then
  local most, count = tonumber(ARGV[10]), b[2] + written
  if room(#ARGV[9], 0.8) then
    redis.call('HSET', KEYS[11], ARGV[2], ARGV[9])
    redis.call('ZADD', KEYS[12], ARGV[4], ARGV[2] .. ' ' .. count)
    redis.call('HINCRBY', KEYS[1], 'remembered', count)
    redis.call('ZADD', KEYS[15], ARGV[4], ARGV[1] .. ' ' .. ARGV[2])
    redis.call('ZREMRANGEBYRANK', KEYS[15], 0, -21)
  else
    most = 0
  end
  trim(KEYS[1], KEYS[11], KEYS[12], most, ARGV[4] - ARGV[11])
end
step(KEYS[16], (steps_of(KEYS[16])), ARGV[4])
local due = redis.call('ZSCORE', KEYS[9], ARGV[1])
return {1, due and tonumber(due) <= tonumber(ARGV[4]) and 1 or 0}
