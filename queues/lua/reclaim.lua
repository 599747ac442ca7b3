-- Gives a free batch to the calling worker, with a new fencing token. A lease that ran out while the batch was held
-- means that its worker died or froze; that is counted.
--
-- KEYS  1 batch hash  2 ring
-- ARGV  1 batch  2 now, ms  3 length of the lease, ms  4 id of this call, the same when it is repeated
-- Returns {the token, 1 when a lease ran out while the batch was held, the batch's fields and values}; the token is 0
-- when the batch is held by another worker or rests, -1 when it is settled and gone.
local b = redis.call('HMGET', KEYS[1], 'lease', 'held', 'claimant', 'token')
if not b[1] then return {-1, 0, {}} end
if tonumber(b[1]) > tonumber(ARGV[2]) then
  -- If the reply was lost and the client repeats the call, it still holds the batch.
  if b[3] ~= ARGV[4] then return {0, 0, {}} end
  return {tonumber(b[4]), 0, redis.call('HGETALL', KEYS[1])}
end
local lease = tonumber(ARGV[2]) + tonumber(ARGV[3])
local lapsed = b[2] == '1'
if lapsed then redis.call('HINCRBY', KEYS[1], 'crashes', 1) end
redis.call('HSET', KEYS[1], 'lease', lease, 'held', 1, 'claimant', ARGV[4])
redis.call('ZADD', KEYS[2], 'XX', lease, ARGV[1])
local token = redis.call('HINCRBY', KEYS[1], 'token', 1)
return {token, lapsed and 1 or 0, redis.call('HGETALL', KEYS[1])}
