-- Reads which queues of a partition may use a list that another queue keeps. Writes nothing.
--
-- KEYS  1 queues
-- Returns the names of these queues, each followed by the id of the list.
-- The queues' own keys are in the same partition, as Redis Cluster requires.
local root, found = string.sub(KEYS[1], 1, -#'queues' - 1), {}
for _, queue in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local list_id = redis.call('HGET', root .. 'q:' .. queue, 'shares')
  if list_id then
    found[#found + 1] = queue
    found[#found + 1] = list_id
  end
end
return found
