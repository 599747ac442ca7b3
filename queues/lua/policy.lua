-- Sets a queue's flush policy and updates the due index.
--
-- KEYS  1 queue hash  2 pending  3 due
-- ARGV  1 queue  2 now, ms  3 size  4 age, ms
redis.call('HSET', KEYS[1], 'size', ARGV[3], 'age', ARGV[4])
return reindex(KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[2]))
