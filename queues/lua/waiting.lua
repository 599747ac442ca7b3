-- Counts what waits in all queues of a partition. Writes nothing.
--
-- KEYS  1 queues
-- Returns the number of changes.
-- The lists it looks at are named after the queues it finds, so they cannot be among KEYS; they are in the same
-- partition, as Redis Cluster demands.
local before = string.sub(KEYS[1], 1, -#'queues' - 1) .. 'q:'
local waiting = 0
for _, queue in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  waiting = waiting + redis.call('LLEN', before .. queue .. ':pending')
end
return waiting
