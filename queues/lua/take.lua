-- Moves the oldest pending changes of a queue into a new batch and schedules a ring for a worker, or adds a portion to a
-- batch that is being taken (pending.py). Stops at the first change that shares a person key with another open batch:
-- that person's earlier change comes first.
--
-- KEYS  1 queue hash  2 pending  3 due  4 open  5 ring  6 batches  7 batch hash  8 batch changes
--       9 steps  10 person keys of the batch, while it is being taken
-- ARGV  1 queue  2 batch  3 now, ms  4 `takes` as the caller read it  5 most changes  6 most bytes  7 reason
--       8 most batches waiting for their upload  9 changes taken before this portion
--       10 ms at which a worker is rung unless another portion follows; 0: none follows
-- Returns {changes taken, their bytes, 1 if another portion may follow}. No changes are taken when the first one has to
-- wait, enough batches wait, or memory is so short that open batches must end first, because a batch takes more room
-- than pending changes; -1 when another scheduler has taken a batch meanwhile.
local is_new = ARGV[9] == '0'
-- stop(): ends the taking of a batch whose next portion is empty, and lets a worker be rung for it.
local function stop()
  redis.call('DEL', KEYS[10])
  redis.call('ZADD', KEYS[5], 'XX', ARGV[3], ARGV[2])
  return {0, 0, 0}
end
local m = redis.call('HMGET', KEYS[1], 'takes', 'taken', 'upto', 'unsent')
if is_new then
  if (m[1] or '0') ~= ARGV[4] then return {-1, 0, 0} end
  if tonumber(m[4] or 0) >= tonumber(ARGV[8]) then return {0, 0, 0} end
  if not room(0, 0.95) then return {0, 0, 0} end
else
  local b = redis.call('HMGET', KEYS[7], 'token', 'count')
  if b[1] ~= '0' then return {0, 0, 0} end -- a worker was rung for it, because this scheduler was too slow
  -- Its count differs when the reply to this call was lost and it is repeated.
  if m[1] ~= ARGV[4] or b[2] ~= ARGV[9] or not room(0, 0.95) then return stop() end
end
local changes = redis.call('LRANGE', KEYS[2], 0, tonumber(ARGV[5]) - 1)
local someone_open = redis.call('SCARD', KEYS[4]) > 0
-- waits(keys): whether a person of these keys is in another open batch.
local function waits(keys)
  for i, is_open in ipairs(redis.call('SMISMEMBER', KEYS[4], unpack(keys))) do
    if is_open == 1 and (is_new or redis.call('SISMEMBER', KEYS[10], keys[i]) == 0) then return true end
  end
  return false
end
local persons, bytes, taken, size = {}, 0, 0, 0
for i, change in ipairs(changes) do
  local keys = keys_of(change)
  if someone_open and waits(keys) then break end
  size = size + #change
  if (i > 1 or not is_new) and size > tonumber(ARGV[6]) then break end
  for _, key in ipairs(keys) do persons[#persons + 1] = key end
  taken, bytes = i, size
end
if taken == 0 then return is_new and {0, 0, 0} or stop() end
-- The first write frees memory, so that a full Redis lets this script finish and the queue can drain.
local waiting = redis.call('LLEN', KEYS[2])
redis.call('LTRIM', KEYS[2], taken, -1)
in_parts(changes, 1, taken, function(...) redis.call('RPUSH', KEYS[8], ...) end)
in_parts(persons, 1, #persons, function(...) redis.call('SADD', KEYS[4], ...) end)
local goes_on = ARGV[10] ~= '0' and taken == tonumber(ARGV[5]) and taken < waiting
if goes_on then
  in_parts(persons, 1, #persons, function(...) redis.call('SADD', KEYS[10], ...) end)
  redis.call('EXPIRE', KEYS[10], 600)
else
  redis.call('DEL', KEYS[10])
end
redis.call('ZADD', KEYS[5], goes_on and ARGV[10] or ARGV[3], ARGV[2])
if is_new then
  redis.call('HSET', KEYS[7], 'queue', ARGV[1], 'reason', ARGV[7], 'taken', ARGV[3], 'count', taken,
    'token', 0, 'lease', 0, 'held', 0, 'crashes', 0, 'attempts', 0, 'progress', '', 'sent', 0, 'fails', 0)
  redis.call('ZADD', KEYS[6], ARGV[3], ARGV[2])
  local before = tonumber(m[2] or 0)
  if ARGV[7] == 'age' and taken < waiting and tonumber(m[3] or 0) <= before then
    redis.call('HSET', KEYS[1], 'upto', before + waiting, 'upto_by', 'age')
  end
  redis.call('HINCRBY', KEYS[1], 'takes', 1)
  redis.call('HINCRBY', KEYS[1], 'unsent', 1)
else
  redis.call('HINCRBY', KEYS[7], 'count', taken)
end
redis.call('HINCRBY', KEYS[1], 'taken', taken)
redis.call('HINCRBY', KEYS[1], 'open', taken)
redis.call('HSET', KEYS[1], 'uploaded', ARGV[3])
reindex(KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[3]))
keep(KEYS[1])
step(KEYS[9], (steps_of(KEYS[9])), ARGV[3])
return {taken, bytes, goes_on and 1 or 0}
