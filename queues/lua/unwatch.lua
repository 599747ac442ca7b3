-- Ends a snapshot: changed people are no longer recorded, unless another snapshot or repair has begun since.
--
-- KEYS  1 queue hash  2 recent
-- ARGV  1 the snapshot or repair  2 the time of the snapshot in ms if it was carried out, else ''
-- Returns 1; 0 when another one is recorded, or none. The time of the last snapshot never goes back.
if ARGV[2] ~= '' and tonumber(ARGV[2]) > tonumber(redis.call('HGET', KEYS[1], 'snapshot_at') or 0) then
  redis.call('HSET', KEYS[1], 'snapshot_at', ARGV[2])
end
if redis.call('HGET', KEYS[1], 'watching') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'watching', 'watching_until')
redis.call('UNLINK', KEYS[2])
return 1
