-- Reads queues of one partition atomically, so that the figures of each belong together: accepted = pending + open +
-- delivered + dead + superseded. Writes nothing.
--
-- KEYS  1 queues of the partition
-- ARGV  queues
-- Returns for each: {fields and values of the hash, pending, ms at which the oldest pending change was accepted or '',
--          batches and the ms at which each was taken, dead letters kept, codes and people of the warnings}.
-- The keys depend on ARGV, so they cannot be among KEYS; they are in the same partition, as Redis Cluster requires.
local root, found = string.sub(KEYS[1], 1, -#'queues' - 1), {}
for i, queue in ipairs(ARGV) do
  local meta = root .. 'q:' .. queue
  local head = redis.call('LINDEX', meta .. ':pending', 0)
  found[i] = {
    redis.call('HGETALL', meta),
    redis.call('LLEN', meta .. ':pending'),
    head and string.sub(head, 2, 14) or '',
    redis.call('ZRANGE', meta .. ':batches', 0, -1, 'WITHSCORES'),
    redis.call('XLEN', meta .. ':dead'),
    redis.call('HGETALL', meta .. ':warnings'),
  }
end
return found
