-- Ends a run of a query: stores its record, frees the query for the next run and its place at the source.
--
-- KEYS  1 run hash  2 ring  3 readers of the source  4 query hash
-- ARGV  1 run  2 token  3 record, then names and values of the query hash to set
-- Returns 1, or 0 when the token is not the run's current one or the run has ended.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] or not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[3])
redis.call('HDEL', KEYS[1], 'lease', 'cancel')
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('HGET', KEYS[4], 'running') == ARGV[1] then redis.call('HDEL', KEYS[4], 'running') end
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
return 1
