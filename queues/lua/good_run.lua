-- Remembers the last good run of a query, unless a later result was good before.
--
-- KEYS  1 query hash
-- ARGV  1 ms as of which the result was read, then names and values of the query hash to set
-- Returns 1, or 0 when nothing was set.
if tonumber(redis.call('HGET', KEYS[1], 'good_at') or 0) > tonumber(ARGV[1]) then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
