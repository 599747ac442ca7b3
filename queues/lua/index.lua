-- Notes at which places of a queue the person keys of its pending changes are, except the first key (history/traces.py).
--
-- KEYS  1 queue hash  2 pending
-- ARGV  1 now, ms  2 most changes to read  3 ms for which an index is used
-- A place is the number of a change among all that were ever in the queue. An index is named by the ms at which it was
-- begun; it continues where it ended. Its 64 buckets depend on the keys found, so they cannot be among KEYS; they are
-- in the same partition, as Redis Cluster requires. Of one key the last places are kept.
-- Returns the number of changes that are not noted yet; -1 with nothing written if less than a fifth of the memory is
-- left, which is kept for pending changes.
local MOST, AT_ONCE = 400, 500
if not room(0, 0.8) then return -1 end
local m = redis.call('HMGET', KEYS[1], 'places', 'taken')
local taken = tonumber(m[2] or 0)
local since, upto = string.match(m[1] or '', '^(%d+) (%d+)$')
if not since or tonumber(since) + tonumber(ARGV[3]) <= tonumber(ARGV[1]) then since, upto = ARGV[1], 0 end
local first, total = math.max(tonumber(upto), taken), taken + redis.call('LLEN', KEYS[2])
local last = math.max(first, math.min(first + tonumber(ARGV[2]), total))

-- add(bucket, fields, places): adds places to what is noted of some fields, by few commands.
local function add(bucket, fields, places)
  for at = 1, #fields, AT_ONCE do
    local upto = math.min(at + AT_ONCE - 1, #fields)
    local pairs_ = {}
    for i, known in ipairs(redis.call('HMGET', bucket, unpack(fields, at, upto))) do
      local field = fields[at + i - 1]
      pairs_[2 * i - 1], pairs_[2 * i] = field, string.sub((known or '') .. places[field], -MOST)
    end
    redis.call('HSET', bucket, unpack(pairs_))
  end
  redis.call('PEXPIRE', bucket, 2 * tonumber(ARGV[3]))
end

local buckets = {}
for i, change in ipairs(last > first and redis.call('LRANGE', KEYS[2], first - taken, last - taken - 1) or {}) do
  local keys = keys_of(change)
  for j = 2, #keys do
    local start, field = string.sub(keys[j], 1, 1), string.sub(keys[j], 2, 8)
    local bucket = buckets[start] or {fields = {}, places = {}}
    buckets[start] = bucket
    if not bucket.places[field] then bucket.fields[#bucket.fields + 1] = field end
    bucket.places[field] = (bucket.places[field] or '') .. (first + i - 1) .. ' '
  end
end
for start, bucket in pairs(buckets) do
  add(KEYS[1] .. ':places:' .. since .. ':' .. start, bucket.fields, bucket.places)
end
redis.call('HSET', KEYS[1], 'places', since .. ' ' .. last)
return total - last
