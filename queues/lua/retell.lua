-- Rewrites the history record of a settled batch, unless it has changed meanwhile.
--
-- KEYS  1 history
-- ARGV  1 batch  2 SHA1 of what the caller read  3 the new record
-- Returns 1, or 0 with nothing written.
if redis.sha1hex(redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
