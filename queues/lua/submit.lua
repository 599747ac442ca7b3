-- Stores the progress of a delivery (import jobs, rejected rows) and keeps the batch, or gives it back until a worker
-- is to be rung again.
--
-- KEYS  1 batch hash  2 ring  3 queue hash
-- ARGV  1 batch  2 token  3 progress (JSON)  4 ms at which to ring again; 0: the caller keeps the batch
--       5 attempts spent  6 whether everything is uploaded, 1 or 0  7 whether no worker gets the batch before 4, 1 or 0
--       8 whether the last attempt failed, 1 or 0; '': unchanged
-- Returns 1, or 0 when the token is not the batch's current one.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'progress', ARGV[3])
redis.call('HINCRBY', KEYS[1], 'attempts', ARGV[5])
-- Its queue may now send the next batch.
if ARGV[6] == '1' and redis.call('HGET', KEYS[1], 'sent') == '0' then
  redis.call('HSET', KEYS[1], 'sent', 1)
  redis.call('HINCRBY', KEYS[3], 'unsent', -1)
end
if ARGV[8] ~= '' and (redis.call('HGET', KEYS[1], 'fails') or '0') ~= ARGV[8] then
  redis.call('HSET', KEYS[1], 'fails', ARGV[8])
  redis.call('HINCRBY', KEYS[3], 'failing', ARGV[8] == '1' and 1 or -1)
  keep(KEYS[3])
end
if ARGV[4] ~= '0' then
  redis.call('HSET', KEYS[1], 'lease', ARGV[7] == '1' and ARGV[4] or 0, 'held', 0)
  redis.call('ZADD', KEYS[2], 'XX', ARGV[4], ARGV[1])
end
return 1
