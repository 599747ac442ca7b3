-- Begins a run of a query because somebody asks, unless another one has not ended.
--
-- KEYS  1 query hash  2 run hash  3 runs of the query  4 ring
-- ARGV  1 run  2 record  3 now, ms  4 ms for which records are kept  5 records kept
-- Returns the run that begins, or was begun by the same call before; else the one that has not ended.
if redis.call('EXISTS', KEYS[2]) == 1 then return ARGV[1] end
local running = redis.call('HGET', KEYS[1], 'running')
if running then return running end
record(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
redis.call('HSET', KEYS[1], 'running', ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1])
return ARGV[1]
