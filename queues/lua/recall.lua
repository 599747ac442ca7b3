-- Reads what is remembered of people and identifiers (identity_buckets.py).
--
-- KEYS  buckets
-- ARGV  a field of each
-- Returns the values, nil where there is none.
local found = {}
for i, bucket in ipairs(KEYS) do found[i] = redis.call('HGET', bucket, ARGV[i]) end
return found
