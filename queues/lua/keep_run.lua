-- Extends the lease of a run and stores its record, or gives it back.
--
-- KEYS  1 run hash  2 ring  3 readers of the source
-- ARGV  1 run  2 token  3 end of the lease, or ms at which a worker is rung again  4 whether it is given back, 1 or 0
--       5 record
-- Returns 0 when the token is not the run's current one or the run has ended, 2 when it is to be cancelled, else 1.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] or not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
if ARGV[4] == '1' then
  redis.call('HDEL', KEYS[1], 'lease')
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('HSET', KEYS[1], 'lease', ARGV[3])
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
end
return redis.call('HEXISTS', KEYS[1], 'cancel') + 1
