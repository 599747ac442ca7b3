-- Appends the changes of messages to one queue. The last step before an intake answers 202.
--
-- KEYS  1 queue hash  2 pending  3 due  4 dead  5 buried  6 queues  7 recent  8 steps
--       then for each message: 9 .. its seen mark
-- ARGV  1 queue  2 now, ms  3 size  4 age, ms  5 most pending changes  6 ms to remember a message
--       7 most dead letters kept  8 reason of dead letters that are never deleted
--       then for each message: 1 whether to remember it ('1', or '' where it has no id)
--       2 audience (JSON), empty: unchanged; with the prefix '+': keeps the stored list settings
--       3 n, number of changes  4 d, number of changes that are dead on arrival
--       then n changes  then d times: change, reason, detail
-- Returns {outcomes, step, ms}: the number of the partition's steps before, and the ms of the last one; 0 and 0 before
-- the first. The outcomes have one character for each message: '0' seen before, nothing written; '1' written; '2'
-- written, and it made the queue due; '-' not written, because it or a message before it exceeds the limit of pending
-- changes.
-- Raises OOM, with nothing written, when less than a tenth of the memory would be left: delivery could not write to a
-- completely full Redis, which would then never drain.
local bytes = 0
for i = 9, #ARGV do bytes = bytes + #ARGV[i] end
if not room(bytes, 0.9) then
  -- A repetition needs no room, and its sender must not take what was accepted for refused.
  if redis.call('EXISTS', unpack(KEYS, 9)) == #KEYS - 8 then
    return {string.rep('0', #KEYS - 8), steps_of(KEYS[8])}
  end
  return redis.error_reply('OOM the last tenth of the memory is reserved for delivery')
end
local now, most = tonumber(ARGV[2]), tonumber(ARGV[5])
local waiting = redis.call('LLEN', KEYS[2])
local steps, stepped_at = steps_of(KEYS[8])

-- answer(outcomes): the return value of the script.
local function answer(outcomes)
  return {table.concat(outcomes), steps, stepped_at}
end

-- outcome(mark, remember, n): the outcome of a message with n changes; marks an accepted one as seen.
local function outcome(mark, remember, n)
  -- An empty queue takes a message of any size, because it would otherwise be repeated for ever.
  if waiting > 0 and n > 0 and waiting + n > most then
    if remember and redis.call('EXISTS', mark) == 1 then return '0' end
    -- Later messages are refused too: when the sender repeats both, their order would be reversed.
    most = 0
    return '-'
  end
  if remember and not redis.call('SET', mark, '', 'PX', ARGV[6], 'NX') then return '0' end
  return '1'
end

-- with_lists(json): the JSON of an audience; if it begins with '+', with the stored list settings.
local function with_lists(json)
  if json:sub(1, 1) ~= '+' then return json end
  json = json:sub(2)
  local known = redis.call('HGET', KEYS[1], 'audience')
  local before = known and cjson.decode(known).settings or {}
  if not (before.listId or before.listName or before.klaviyoListId) then return json end
  local new = cjson.decode(json)
  for _, name in ipairs({'listId', 'listName', 'klaviyoListId'}) do new.settings[name] = before[name] end
  return cjson.encode(new)
end

local outcomes, last, audience, changes, dead = {}, nil, '', {}, 0
local at = 9
for i = 9, #KEYS do
  local news, n, d = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local result = outcome(KEYS[i], ARGV[at] ~= '', n)
  outcomes[#outcomes + 1] = result
  at = at + 4
  if result == '1' then
    last = #outcomes
    if news ~= '' then audience = news end
    waiting = waiting + n
    for j = at, at + n - 1 do changes[#changes + 1] = ARGV[j] end
    for j = at + n, at + n + 3 * d - 1, 3 do
      bury(KEYS[4], KEYS[5], ARGV[j], ARGV[j + 1], ARGV[j + 2], ARGV[2], 0)
    end
    dead = dead + d
  end
  at = at + n + 3 * d
end
if not last then return answer(outcomes) end
redis.call('HSET', KEYS[1], 'size', ARGV[3], 'age', ARGV[4])
if audience ~= '' then keep_audience(KEYS[1], with_lists(audience)) end
redis.call('SADD', KEYS[6], ARGV[1])
in_parts(changes, 1, #changes, function(...) redis.call('RPUSH', KEYS[2], ...) end)
-- A snapshot that is being carried out skips people who have changed since. The first key of a change names its person;
-- the others, stored with the prefix '+', may belong to other people too. An update, stored with '=' before all, does
-- not say who is on the list.
if #changes > 0 and redis.call('HEXISTS', KEYS[1], 'watching') == 1 then
  for _, change in ipairs(changes) do
    local keys, mark = keys_of(change), is_update(change) and '=' or ''
    for i = 1, #keys do keys[i] = mark .. (i > 1 and '+' or '') .. keys[i] end
    redis.call('SADD', KEYS[7], unpack(keys))
  end
end
if #changes + dead > 0 then redis.call('HINCRBY', KEYS[1], 'accepted', #changes + dead) end
if dead > 0 then
  redis.call('HINCRBY', KEYS[1], 'dead', dead)
  dead_on_arrival(KEYS[1], now, dead)
  shed(KEYS[1], KEYS[4], KEYS[5], tonumber(ARGV[7]), ARGV[8])
end
if #changes > 0 and reindex(KEYS[1], KEYS[2], KEYS[3], ARGV[1], now) == 1 then outcomes[last] = '2' end
keep(KEYS[1])
step(KEYS[8], steps, ARGV[2])
return answer(outcomes)
