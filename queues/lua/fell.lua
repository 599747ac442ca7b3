-- Records that one or several partitions went back in time (rollback.py). If several processes record it, the widest
-- range is kept: the earliest time that the ledger went back to, and the latest step that is known to be missing.
--
-- KEYS  1 the record
-- ARGV  1 now, ms  2 ms of the last existing step; 0: unknown  3 ms of the last missing step
--       4 number of missing steps
local noted = redis.call('HMGET', KEYS[1], 'as_of', 'until', 'missing')
redis.call('HSETNX', KEYS[1], 'noticed', ARGV[1])
redis.call('HSET', KEYS[1],
  'as_of', math.min(tonumber(noted[1] or ARGV[2]), tonumber(ARGV[2])),
  'until', math.max(tonumber(noted[2] or 0), tonumber(ARGV[3])),
  'missing', math.max(tonumber(noted[3] or 0), tonumber(ARGV[4])))
