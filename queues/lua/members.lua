-- Writes buckets of a membership ledger, each only if it has not changed since the caller read it.
--
-- KEYS  1 members  2 hash of the batch that the caller holds
-- ARGV  1 token of that batch, '' where the caller holds none
--       then for each bucket: number, SHA1 of the old value ('' has one too), new value ('' deletes the bucket)
-- Returns the numbers of the buckets that have changed and were not written; nil, with nothing written, when the token
-- is not the batch's current one.
if ARGV[1] ~= '' and redis.call('HGET', KEYS[2], 'token') ~= ARGV[1] then return nil end
local others = {}
for i = 2, #ARGV, 3 do
  if redis.sha1hex(redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then
    others[#others + 1] = ARGV[i]
  elseif ARGV[i + 2] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
  end
end
return others
