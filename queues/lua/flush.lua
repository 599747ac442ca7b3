-- Requests a flush: all pending changes of a queue are taken, whatever its size and age.
--
-- KEYS  1 queue hash  2 pending  3 due
-- ARGV  1 queue  2 now, ms
-- Returns the number of pending changes.
local waiting = redis.call('LLEN', KEYS[2])
if waiting > 0 then
  local taken = tonumber(redis.call('HGET', KEYS[1], 'taken') or 0)
  redis.call('HSET', KEYS[1], 'upto', taken + waiting, 'upto_by', 'operator')
  reindex(KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[2]))
end
return waiting
