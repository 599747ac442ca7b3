-- Moves the oldest pending changes of a queue into a new batch and schedules a ring for a worker, or adds a portion to a
-- batch that is being taken (pending.py). Passes over a change that shares a person key with another open batch, because
-- that person's earlier change comes first, over people for whom the batch has no place, and over every later change
-- that shares a key with one passed over. Changes passed over stay at the head of the queue, in their order.
--
-- KEYS  1 queue hash  2 pending  3 due  4 open  5 ring  6 batches  7 batch hash  8 batch changes
--       9 steps  10 person keys of the batch, while it is being taken
-- ARGV  1 queue  2 batch  3 now, ms  4 `takes` as the caller read it  5 most changes  6 most bytes  7 reason
--       8 most batches waiting for their upload  9 changes taken before this portion
--       10 ms at which a worker is rung unless another portion follows; 0: none follows
--       11 changes at the head to pass over in any case  12 changes at the head among which it takes
--       13 most changes to pass over, and 8 MB  14 most people of the batch; 0: any number  15 people taken before this portion
-- Returns {changes taken, their bytes, 1 if another portion may follow, changes passed over, people of the batch}. No
-- changes are taken when all have to wait, enough batches wait, or memory is so short that open batches must end first,
-- because a batch takes more room than pending changes; -1 when another scheduler has taken a batch meanwhile.
local is_new = ARGV[9] == '0'
-- stop(): ends the taking of a batch whose next portion is empty, and lets a worker be rung for it.
local function stop()
  redis.call('DEL', KEYS[10])
  redis.call('ZADD', KEYS[5], 'XX', ARGV[3], ARGV[2])
  return {0, 0, 0, 0, 0}
end
local m = redis.call('HMGET', KEYS[1], 'takes', 'taken', 'upto', 'unsent')
if is_new then
  if (m[1] or '0') ~= ARGV[4] then return {-1, 0, 0, 0, 0} end
  if tonumber(m[4] or 0) >= tonumber(ARGV[8]) then return {0, 0, 0, 0, 0} end
  if not room(0, 0.95) then return {0, 0, 0, 0, 0} end
else
  local b = redis.call('HMGET', KEYS[7], 'token', 'count')
  if b[1] ~= '0' then return {0, 0, 0, 0, 0} end -- a worker was rung for it, because this scheduler was too slow
  -- Its count differs when the reply to this call was lost and it is repeated.
  if m[1] ~= ARGV[4] or b[2] ~= ARGV[9] or not room(0, 0.95) then return stop() end
end
local most, most_bytes, most_people = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[14])
local skipped, most_passed = tonumber(ARGV[11]), tonumber(ARGV[13])
local someone_open = redis.call('SCARD', KEYS[4]) > 0
local blocked, known = {}, {} -- keys of changes passed over; first keys of changes taken
-- waits(keys): whether an earlier change of a person of these keys is in another open batch or was passed over.
local function waits(keys)
  for _, key in ipairs(keys) do if blocked[key] then return true end end
  if not someone_open then return false end
  for i, is_open in ipairs(redis.call('SMISMEMBER', KEYS[4], unpack(keys))) do
    if is_open == 1 and (is_new or redis.call('SISMEMBER', KEYS[10], keys[i]) == 0) then return true end
  end
  return false
end
-- is_known(key): whether the batch has a change whose first key, which names its person, is this one.
local function is_known(key)
  return known[key] or (not is_new and redis.call('SISMEMBER', KEYS[10], key) == 1)
end
local before, upto = tonumber(m[2] or 0), tonumber(m[3] or 0)
local asked = math.max(0, upto - before) -- how many of the oldest changes a flush asked for
local taken, passed, persons, bytes, people, counted = {}, {}, {}, 0, tonumber(ARGV[15]), 0
local passed_bytes, moved = 0, 0 -- `moved`: how many were passed over before the last change taken
-- consider(place, change): takes a change or passes over it. Returns false if the batch is complete.
local function consider(place, change)
  local keys = keys_of(change)
  local is_one_more = most_people > 0 and not is_known(keys[1])
  if place <= skipped or waits(keys) or (is_one_more and people == most_people) then
    if #passed == most_passed or passed_bytes + #change > 8000000 then return false end
    passed[#passed + 1], passed_bytes = change, passed_bytes + #change
    for _, key in ipairs(keys) do blocked[key] = true end
    return true
  end
  if #taken == most or (bytes + #change > most_bytes and not (is_new and #taken == 0)) then return false end
  if is_one_more then people, known[keys[1]] = people + 1, true end
  if asked == 0 or place <= asked then counted = counted + 1 end
  for _, key in ipairs(keys) do persons[#persons + 1] = key end
  taken[#taken + 1], bytes, moved = change, bytes + #change, #passed
  return true
end
-- A few at a time, because changes may be large.
local last, place, goes = math.min(tonumber(ARGV[12]), most + most_passed), 0, true
while goes and place < last do
  local some = redis.call('LRANGE', KEYS[2], place, math.min(place + 100, last) - 1)
  goes = #some > 0
  for _, change in ipairs(some) do
    place = place + 1
    goes = goes and consider(place, change)
  end
end
local count = #taken
if count == 0 then return is_new and {0, 0, 0, 0, 0} or stop() end
-- The first write frees memory, so that a full Redis lets this script finish and the queue can drain.
local waiting = redis.call('LLEN', KEYS[2])
redis.call('LTRIM', KEYS[2], count + moved, -1)
if moved > 0 then
  local reversed = {}
  for i = moved, 1, -1 do reversed[#reversed + 1] = passed[i] end
  in_parts(reversed, 1, moved, function(...) redis.call('LPUSH', KEYS[2], ...) end)
end
-- Their places have changed (history/traces.py), or `taken` no longer says how far those behind have moved.
if moved > 0 or counted < count then redis.call('HDEL', KEYS[1], 'places') end
in_parts(taken, 1, count, function(...) redis.call('RPUSH', KEYS[8], ...) end)
in_parts(persons, 1, #persons, function(...) redis.call('SADD', KEYS[4], ...) end)
local goes_on = ARGV[10] ~= '0' and count == most and count + #passed < math.min(tonumber(ARGV[12]), waiting)
if goes_on then
  in_parts(persons, 1, #persons, function(...) redis.call('SADD', KEYS[10], ...) end)
  redis.call('EXPIRE', KEYS[10], 600)
else
  redis.call('DEL', KEYS[10])
end
redis.call('ZADD', KEYS[5], goes_on and ARGV[10] or ARGV[3], ARGV[2])
if is_new then
  redis.call('HSET', KEYS[7], 'queue', ARGV[1], 'reason', ARGV[7], 'taken', ARGV[3], 'count', count,
    'token', 0, 'lease', 0, 'held', 0, 'crashes', 0, 'attempts', 0, 'progress', '', 'sent', 0, 'fails', 0)
  redis.call('ZADD', KEYS[6], ARGV[3], ARGV[2])
  if ARGV[7] == 'age' and count < waiting and upto <= before then
    redis.call('HSET', KEYS[1], 'upto', before + waiting, 'upto_by', 'age')
  end
  redis.call('HINCRBY', KEYS[1], 'takes', 1)
  redis.call('HINCRBY', KEYS[1], 'unsent', 1)
else
  redis.call('HINCRBY', KEYS[7], 'count', count)
end
-- A requested flush is complete when `taken` reaches `upto`, so changes from behind those that it asked for do not count.
redis.call('HINCRBY', KEYS[1], 'taken', counted)
if counted < count then redis.call('HINCRBY', KEYS[1], 'behind', count - counted) end
redis.call('HINCRBY', KEYS[1], 'open', count)
redis.call('HSET', KEYS[1], 'uploaded', ARGV[3])
reindex(KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[3]))
keep(KEYS[1])
step(KEYS[9], (steps_of(KEYS[9])), ARGV[3])
return {count, bytes, goes_on and 1 or 0, #passed, people}
