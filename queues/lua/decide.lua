-- Stores the settlement of a batch before it is written in portions (settlement.py). From then on no worker delivers
-- anything of the batch, and each continues to write.
--
-- KEYS  1 batch hash
-- ARGV  1 token  2 the settlement  3 number of changes for which it accounts
-- Returns 1, or 0 when the token is not the batch's current one.
local b = redis.call('HMGET', KEYS[1], 'token', 'count', 'decided')
if b[1] ~= ARGV[1] then return 0 end
if b[3] == ARGV[2] then return 1 end -- repeated, because the reply was lost
if b[2] ~= ARGV[3] then
  return redis.error_reply('FERRY a settlement accounts for ' .. ARGV[3] .. ' of ' .. b[2] ..
    ' changes; nothing was written')
end
-- The first write takes no memory, so that a full Redis lets this script finish.
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], 'decided', ARGV[2], 'written', 0)
return 1
