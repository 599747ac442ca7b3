-- Notes that a partition, or several, went back in time (rollback.py). Of what several processes noticed, what reaches
-- furthest stays: the earliest time that the ledger went back to, the latest that is known to be missing.
--
-- KEYS  1 the note
-- ARGV  1 now, ms  2 ms of the last step that is there; 0: not known  3 ms of the last step that is missing
--       4 number of steps that are missing
local noted = redis.call('HMGET', KEYS[1], 'as_of', 'until', 'missing')
redis.call('HSETNX', KEYS[1], 'noticed', ARGV[1])
redis.call('HSET', KEYS[1],
  'as_of', math.min(tonumber(noted[1] or ARGV[2]), tonumber(ARGV[2])),
  'until', math.max(tonumber(noted[2] or 0), tonumber(ARGV[3])),
  'missing', math.max(tonumber(noted[3] or 0), tonumber(ARGV[4])))
