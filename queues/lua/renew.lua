-- Extends the lease of a batch. A worker does so before every request, so that it uploads nothing after its lease ran
-- out and another worker has the batch.
--
-- KEYS  1 batch hash  2 ring
-- ARGV  1 batch  2 token  3 now, ms  4 length of the lease, ms
-- Returns 1, or 0 when the token is not the batch's current one.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return 0 end
local lease = tonumber(ARGV[3]) + tonumber(ARGV[4])
redis.call('HSET', KEYS[1], 'lease', lease)
redis.call('ZADD', KEYS[2], 'XX', lease, ARGV[1])
return 1
