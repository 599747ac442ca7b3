-- Counts queues of one partition anew, in case a Ferry without kept figures has changed them. May be repeated, and runs
-- safely beside processes that change them.
--
-- KEYS  1 queues of the partition
-- ARGV  queues
-- The keys depend on ARGV, so they cannot be among KEYS; they are in the same partition, as Redis Cluster requires.
local root = string.sub(KEYS[1], 1, -#'queues' - 1)
for _, queue in ipairs(ARGV) do
  local meta, failing = root .. 'q:' .. queue, 0
  for _, batch in ipairs(redis.call('ZRANGE', meta .. ':batches', 0, -1)) do
    if redis.call('HGET', root .. 'b:' .. batch, 'fails') == '1' then failing = failing + 1 end
  end
  if tonumber(redis.call('HGET', meta, 'failing') or 0) ~= failing then redis.call('HSET', meta, 'failing', failing) end
  keep(meta, true)
  keep_audience(meta)
end
