-- Counts the pending changes of all queues of a partition. Writes nothing.
--
-- KEYS  1 queues
-- Returns the number of changes.
-- The keys of the lists depend on the queues found, so they cannot be among KEYS; they are in the same partition, as
-- Redis Cluster requires.
local before = string.sub(KEYS[1], 1, -#'queues' - 1) .. 'q:'
local waiting = 0
for _, queue in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  waiting = waiting + redis.call('LLEN', before .. queue .. ':pending')
end
return waiting
