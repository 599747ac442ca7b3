-- Whoever changes is noted no longer, unless somebody else has begun to watch since.
--
-- KEYS  1 queue hash  2 recent
-- ARGV  1 who watches
-- Returns 1; 0, with nothing written, when it is another one, or none.
if redis.call('HGET', KEYS[1], 'watching') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'watching', 'watching_until')
redis.call('UNLINK', KEYS[2])
return 1
