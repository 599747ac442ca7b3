-- Stores what a message said of an account, unless that was changed since it was read (connections/account_keys.py).
-- A script, because redis-py's asyncio client has no WATCH on a cluster.
--
-- KEYS  1 the account's hash
-- ARGV  1 number of fields that were read  then each with its value, '' for none  then each field to store, its value
-- Returns 1 if it was stored, else 0.
local read = tonumber(ARGV[1]) * 2
for i = 2, read, 2 do
  if (redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then return 0 end
end
redis.call('HSET', KEYS[1], unpack(ARGV, read + 2))
return 1
