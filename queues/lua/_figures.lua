-- Functions of the scripts that change a figure of a queue; this text is put behind _common.lua.
--
-- keep(meta, warned): keeps the figures of a queue where those of all queues of a partition are read together
-- (queues/figures.py). Every script that changes one of them calls it at its end. `meta`: the hash of the queue;
-- `warned`: its warnings have changed. All other keys follow from the name of the hash and so cannot be among KEYS; they
-- are in the same partition, as Redis Cluster requires.
--
-- A row of the hash `rows` has the figures of one queue that are not 0: name, space, number, space, and so on. Whatever a
-- figure differs from the row is added to the hash `totals`, so that the totals are the sums of the rows at any time, and
-- a repetition changes nothing.

local COUNTED = {'accepted', 'open', 'delivered', 'imported', 'dead', 'superseded', 'evicted', 'failing'}
local LEFT_OUT = 'left_out:'

-- figures(meta): the figures of a queue by name, without its warnings.
local function figures(meta)
  local m = redis.call('HMGET', meta, 'hold', unpack(COUNTED))
  local found = {}
  for i, name in ipairs(COUNTED) do found[name] = tonumber(m[i + 1] or 0) end
  local head = redis.call('LINDEX', meta .. ':pending', 0)
  found.oldest = head and tonumber(string.sub(head, 2, 14)) or 0
  found.pending = head and redis.call('LLEN', meta .. ':pending') or 0
  found.kept = redis.call('XLEN', meta .. ':dead')
  found.batches = redis.call('ZCARD', meta .. ':batches')
  local ended = found.delivered + found.imported + found.dead + found.superseded
  found.missing = math.abs(found.accepted - found.pending - found.open - ended)
  found.queues = 1
  found.filled = found.pending > 0 and 1 or 0
  found.held = m[1] and 1 or 0
  found.keeping = found.kept > 0 and 1 or 0
  found.delivering = found.batches > 0 and 1 or 0
  found.unsettled = found.pending + found.batches > 0 and 1 or 0
  return found
end

-- row_of(text): the figures of a row by name; all others are 0.
local function row_of(text)
  local row = setmetatable({}, {__index = function() return 0 end})
  for name, figure in string.gmatch(text, '(%S+) (%-?%d+)') do row[name] = tonumber(figure) end
  return row
end

-- add_warnings(found, before, meta, warned): adds the people left out, by code; read anew if they have changed.
local function add_warnings(found, before, meta, warned)
  if warned then
    local warnings = redis.call('HGETALL', meta .. ':warnings')
    for i = 1, #warnings, 2 do found[LEFT_OUT .. warnings[i]] = tonumber(warnings[i + 1]) end
  else
    for name, figure in pairs(before) do
      if string.sub(name, 1, #LEFT_OUT) == LEFT_OUT then found[name] = figure end
    end
  end
end

-- trouble_of(row): what is wrong with a queue, the worst first; 0: nothing.
local function trouble_of(row)
  return (row.missing > 0 and 8 or 0) + row.held * 4 + (row.failing > 0 and 2 or 0) + row.keeping
end

-- index(key, queue, score): puts a queue into a sorted set, or takes it out for 0.
local function index(key, queue, score)
  if score == 0 then redis.call('ZREM', key, queue) else redis.call('ZADD', key, string.format('%d', score), queue) end
end

local function keep(meta, warned)
  local root, queue = string.match(meta, '^(.*}:)q:(.+)$')
  local group = string.match(queue, '^[^/]+/[^/]+')
  local stored = redis.call('HGET', root .. 'rows', queue)
  local before, found = row_of(stored or ''), figures(meta)
  add_warnings(found, before, meta, warned or not stored)
  local parts = {}
  for name, figure in pairs(found) do
    if figure ~= 0 then parts[#parts + 1] = name .. ' ' .. string.format('%d', figure) end
    local more = figure - before[name]
    if more ~= 0 and name ~= 'oldest' then
      redis.call('HINCRBY', root .. 'totals', group .. ' ' .. name, string.format('%d', more))
    end
  end
  redis.call('HSET', root .. 'rows', queue, table.concat(parts, ' '))
  if found.oldest ~= before.oldest then index(root .. 'oldest:' .. group, queue, found.oldest) end
  if not stored or trouble_of(found) ~= trouble_of(before) then index(root .. 'trouble', queue, trouble_of(found)) end
end

-- keep_audience(meta, json): stores the CDP's data of an audience, and its name where the names of all queues of a
-- partition are read together. `json`: nil: only the name of what is stored.
local function keep_audience(meta, json)
  if json then
    if json == redis.call('HGET', meta, 'audience') then return end
    redis.call('HSET', meta, 'audience', json)
  end
  local root, queue = string.match(meta, '^(.*}:)q:(.+)$')
  local is_json, audience = pcall(cjson.decode, json or redis.call('HGET', meta, 'audience') or '')
  local name = is_json and type(audience) == 'table' and audience.name
  if type(name) == 'string' and name ~= '' then
    redis.call('HSET', root .. 'names', queue, name)
  else
    redis.call('HDEL', root .. 'names', queue)
  end
end

-- count_hour(key, hour, delivered, dead): adds to an hour; the first call of an hour deletes hours older than a day.
local function count_hour(key, hour, delivered, dead)
  if redis.call('HEXISTS', key, hour) == 0 then
    for _, field in ipairs(redis.call('HKEYS', key)) do
      if tonumber(string.match(field, '^%d+')) <= hour - 24 then redis.call('HDEL', key, field) end
    end
  end
  redis.call('HINCRBY', key, hour, delivered)
  if dead > 0 then redis.call('HINCRBY', key, hour .. 'd', dead) end
  redis.call('EXPIRE', key, 25 * 3600)
end

-- dead_on_arrival(meta, now, dead): counts changes that became dead letters as they were accepted, by the hour.
local function dead_on_arrival(meta, now, dead)
  local hour = math.floor(now / 3600000)
  count_hour(meta .. ':hours', hour, 0, dead)
  count_hour(string.match(meta, '^(.*}:)q:') .. 'hours', hour, 0, dead)
end
