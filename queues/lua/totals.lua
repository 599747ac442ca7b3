-- Reads the kept figures of a partition, all of the same moment. Writes nothing.
--
-- KEYS  1 totals
-- Returns {fields and values of the totals, the queue with the oldest pending change of each group (connection/kind) that
-- has one and the ms of that change, the number of queues, the number of queues whose figures are kept}.
-- The keys depend on the groups found, so they cannot be among KEYS; they are in the same partition, as Redis Cluster
-- requires.
local root = string.sub(KEYS[1], 1, -#'totals' - 1)
local totals, oldest = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #totals, 2 do
  local group = string.match(totals[i], '^(%S+) queues$')
  local first = group and redis.call('ZRANGE', root .. 'oldest:' .. group, 0, 0, 'WITHSCORES') or {}
  if first[1] then
    oldest[#oldest + 1] = first[1]
    oldest[#oldest + 1] = first[2]
  end
end
return {totals, oldest, redis.call('SCARD', root .. 'queues'), redis.call('HLEN', root .. 'rows')}
