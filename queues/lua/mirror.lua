-- Appends the changes of a snapshot to an audience's queue, except for people with newer information: a single change
-- since the snapshot is carried out, or an erasure request since the snapshot's time. Otherwise like accept.lua for one
-- message.
--
-- KEYS  1 queue hash  2 pending  3 due  4 queues  5 recent  6 erased  7 seen mark of the message
-- ARGV  1 queue  2 now, ms  3 size  4 age, ms  5 most pending changes  6 ms to remember a message
--       7 audience (JSON), empty: unchanged  8 the snapshot  9 its time, ms  10 .. changes
-- Returns {'1', changes left out}; {'0', changes left out then} seen before; '-' limit of pending changes exceeded; 'x'
-- another snapshot is being carried out. Writes only with '1'. Raises OOM, with nothing written, as accept.lua does.
local first = 10
if redis.call('HGET', KEYS[1], 'watching') ~= ARGV[8] then return {'x', 0} end
local seen = redis.call('GET', KEYS[7])
if seen then return {'0', seen} end
local bytes = 0
for i = first, #ARGV do bytes = bytes + #ARGV[i] end
if not room(bytes, 0.9) then return redis.error_reply('OOM the last tenth of the memory is reserved for delivery') end

-- has_newer(persons, mark): whether a single change of the person arrived. It is of the same person if the key that
-- names one of them is a key of the other (accept.lua). For changes accepted by an older Ferry, any key may match.
local function has_newer(persons, mark)
  if redis.call('SISMEMBER', KEYS[5], mark .. '+' .. persons[1]) == 1 then return true end
  for _, key in ipairs(persons) do
    if redis.call('SISMEMBER', KEYS[5], mark .. key) == 1 then return true end
  end
  return false
end

-- stays_out(change): whether something newer is known of its person. A newer update stands against an update only: the
-- person joins or leaves nevertheless.
local function stays_out(change)
  local persons = keys_of(change)
  if has_newer(persons, '') or (is_update(change) and has_newer(persons, '=')) then return true end
  -- Only by the key that names the person: the others may belong to other people too.
  local erased = redis.call('ZSCORE', KEYS[6], persons[1])
  return erased and tonumber(erased) >= tonumber(ARGV[9])
end

local changes, waiting = {}, redis.call('LLEN', KEYS[2])
for i = first, #ARGV do
  if not stays_out(ARGV[i]) then changes[#changes + 1] = ARGV[i] end
end
local left_out = #ARGV - first + 1 - #changes
if waiting > 0 and waiting + #changes > tonumber(ARGV[5]) then return {'-', 0} end
redis.call('SET', KEYS[7], left_out, 'PX', ARGV[6])
redis.call('HSET', KEYS[1], 'size', ARGV[3], 'age', ARGV[4])
if ARGV[7] ~= '' then keep_audience(KEYS[1], ARGV[7]) end
redis.call('SADD', KEYS[4], ARGV[1])
in_parts(changes, 1, #changes, function(...) redis.call('RPUSH', KEYS[2], ...) end)
if #changes > 0 then
  redis.call('HINCRBY', KEYS[1], 'accepted', #changes)
  reindex(KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[2]))
end
keep(KEYS[1])
return {'1', left_out}
