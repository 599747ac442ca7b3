-- Ends a batch: every change is delivered, superseded by a later one of the same batch, or a dead letter.
--
-- KEYS  1 queue hash  2 open  3 ring  4 batches  5 batch hash  6 batch changes  7 dead  8 buried  9 due  10 warnings
--       11 history  12 settled  13 hours  14 hours of the partition  15 last settled batches of the partition  16 steps
-- ARGV  1 queue  2 batch  3 token  4 now, ms  5 delivered  6 superseded  7 imported without a check of the list
--       8 outcomes of its changes (settled.py), '' to keep nothing  9 most changes in the history
--       10 ms for which the history is kept
--       11 most dead letters kept  12 reason of dead letters that are never deleted
--       13 n, number of changes that settled a person's membership  14 .. 13+n their indexes (from 1)
--       14+n  JSON: warning code -> number of people delivered without some field
--       then for each dead letter: index of the change (from 1), reason, detail
-- Pending changes have priority over the history: if less than a fifth of the memory is left, no history is written and
-- old history is deleted.
-- A dead letter is superseded if a later change of this batch has settled its person's membership: replaying it could
-- put a person back on a list that the later change removed them from.
-- Delivered changes and dead letters are also counted by the hour (hours.py), and the last settled batches of all
-- queues of the partition are indexed (history/last_batches.py), for pages that read them every few seconds.
-- Dead letters above the maximum until the next housekeeping are deleted, oldest first (bounds.py).
-- Returns {1, 1 if the queue is due by now, else 0}, or {0, 0} when the token is not the batch's current one.
local b = redis.call('HMGET', KEYS[5], 'token', 'count', 'attempts', 'taken', 'sent', 'fails')
if b[1] ~= ARGV[3] then return {0, 0} end
local n = tonumber(ARGV[13])
local dead = (#ARGV - 14 - n) / 3
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
-- is_one(change, other): whether two changes are of the same person, judged by their keys, the first of which names it.
local function is_one(change, other)
  local mine, theirs = keys_of(change), keys_of(other)
  for _, key in ipairs(mine) do if key == theirs[1] then return true end end
  for _, key in ipairs(theirs) do if key == mine[1] then return true end end
  return false
end

local overtaken = 0
if redis.call('EXISTS', KEYS[8]) == 1 then
  for i = 14, 13 + n do
    local change = changes[tonumber(ARGV[i])]
    for _, key in ipairs(keys_of(change)) do
      for id in string.gmatch(redis.call('HGET', KEYS[8], key) or '', '%S+') do
        local letter = redis.call('XRANGE', KEYS[7], id, id)[1]
        local is_older = letter and string.sub(letter[2][2], 2, 14) <= string.sub(change, 2, 14)
        if is_older and is_one(change, letter[2][2]) then
          unbury(KEYS[7], KEYS[8], id)
          overtaken = overtaken + 1
        end
      end
    end
  end
end
for i = 15 + n, #ARGV, 3 do
  bury(KEYS[7], KEYS[8], changes[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2], b[4], b[3])
end
if dead > 0 then shed(KEYS[1], KEYS[7], KEYS[8], tonumber(ARGV[11]), ARGV[12]) end
redis.call('HINCRBY', KEYS[1], 'open', -tonumber(b[2]))
if b[5] == '0' then redis.call('HINCRBY', KEYS[1], 'unsent', -1) end
if b[6] == '1' then redis.call('HINCRBY', KEYS[1], 'failing', -1) end
redis.call('HINCRBY', KEYS[1], 'delivered', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'superseded', ARGV[6] + overtaken)
if ARGV[7] ~= '0' then redis.call('HINCRBY', KEYS[1], 'imported', ARGV[7]) end
if ARGV[5] + ARGV[7] > 0 then redis.call('HSET', KEYS[1], 'landed', ARGV[4]) end
redis.call('HINCRBY', KEYS[1], 'dead', dead - overtaken)
local warnings = cjson.decode(ARGV[14 + n])
for code, people in pairs(warnings) do redis.call('HINCRBY', KEYS[10], code, people) end
keep(KEYS[1], next(warnings) ~= nil)
local hour = math.floor(ARGV[4] / 3600000)
count_hour(KEYS[13], hour, ARGV[5], dead)
count_hour(KEYS[14], hour, ARGV[5], dead)
if ARGV[8] ~= '' then
  local most = tonumber(ARGV[9])
  if room(#ARGV[8], 0.8) then
    redis.call('HSET', KEYS[11], ARGV[2], ARGV[8])
    redis.call('ZADD', KEYS[12], ARGV[4], ARGV[2] .. ' ' .. b[2])
    redis.call('HINCRBY', KEYS[1], 'remembered', b[2])
    redis.call('ZADD', KEYS[15], ARGV[4], ARGV[1] .. ' ' .. ARGV[2])
    redis.call('ZREMRANGEBYRANK', KEYS[15], 0, -21)
  else
    most = 0
  end
  trim(KEYS[1], KEYS[11], KEYS[12], most, ARGV[4] - ARGV[10])
end
step(KEYS[16], (steps_of(KEYS[16])), ARGV[4])
local due = redis.call('ZSCORE', KEYS[9], ARGV[1])
return {1, due and tonumber(due) <= tonumber(ARGV[4]) and 1 or 0}
