-- Gives a run of a query to the calling worker, with a new fencing token and a place among the readers of its source. A
-- lease that ran out means that the worker before died or froze; that is counted.
--
-- KEYS  1 run hash  2 ring  3 readers of the source
-- ARGV  1 run  2 now, ms  3 length of the lease, ms  4 id of this call, the same when it is repeated
--       5 most readers of the source  6 ms until a worker is rung again when there are as many
-- Returns {token, leases that ran out, 1 if it is to be cancelled}; the token is 0 when it must wait, -1 when it has ended.
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {-1, 0, 0} end
local now = tonumber(ARGV[2])
local r = redis.call('HMGET', KEYS[1], 'lease', 'claimant', 'token', 'cancel')
if tonumber(r[1] or 0) > now then
  return {r[2] == ARGV[4] and tonumber(r[3]) or 0, 0, 0}
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
if not r[4] and not redis.call('ZSCORE', KEYS[3], ARGV[1]) and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[5]) then
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[6]), ARGV[1])
  return {0, 0, 0}
end
if r[1] then redis.call('HINCRBY', KEYS[1], 'crashes', 1) end
local lease = now + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'lease', lease, 'claimant', ARGV[4])
redis.call('ZADD', KEYS[2], lease, ARGV[1])
redis.call('ZADD', KEYS[3], lease, ARGV[1])
local crashes = tonumber(redis.call('HGET', KEYS[1], 'crashes') or 0)
return {redis.call('HINCRBY', KEYS[1], 'token', 1), crashes, r[4] and 1 or 0}
