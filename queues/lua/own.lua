-- Decides which queue keeps a list: the first that asks, until it gives the list up.
--
-- KEYS  1 owners
-- ARGV  1 list  2 queue that asks  3 a keeper that has given it up, empty: none
-- Returns the queue that keeps the list from now on.
local keeper = redis.call('HGET', KEYS[1], ARGV[1])
if keeper and keeper ~= ARGV[3] then return keeper end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return ARGV[2]
