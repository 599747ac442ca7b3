-- Sums up the pending changes of all queues of a partition. Writes nothing.
--
-- KEYS  1 queues
-- Returns the number of changes.
-- The other keys are in the same partition, as Redis Cluster requires. Those of the lists depend on the queues found, so
-- they cannot be among KEYS.
local root, waiting = string.sub(KEYS[1], 1, -#'queues' - 1), 0
if redis.call('SCARD', KEYS[1]) == redis.call('HLEN', root .. 'rows') then
  local totals = redis.call('HGETALL', root .. 'totals')
  for i = 1, #totals, 2 do
    if string.sub(totals[i], -8) == ' pending' then waiting = waiting + tonumber(totals[i + 1]) end
  end
else -- The queues of an older Ferry are not counted yet (figures.py).
  for _, queue in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    waiting = waiting + redis.call('LLEN', root .. 'q:' .. queue .. ':pending')
  end
end
return waiting
