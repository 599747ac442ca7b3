-- Stores the times of membership changes, so that an older change that arrives later is recognised (lateness.py).
--
-- KEYS  buckets
-- ARGV  1 ms after which a bucket expires  2 most entries of a bucket
--       then for each bucket its entries, 20 bytes each: field (8), two times in ms (6 each, big-endian)
-- Only the newest times are kept. A full bucket takes no new entry.
for i, bucket in ipairs(KEYS) do
  local entries = ARGV[i + 2]
  for at = 1, #entries, 20 do
    local field, times = string.sub(entries, at, at + 7), string.sub(entries, at + 8, at + 19)
    local known = redis.call('HGET', bucket, field)
    if known then
      local a, b = string.sub(known, 1, 6), string.sub(known, 7, 12)
      if string.sub(times, 1, 6) > a then a = string.sub(times, 1, 6) end
      if string.sub(times, 7, 12) > b then b = string.sub(times, 7, 12) end
      redis.call('HSET', bucket, field, a .. b)
    elseif redis.call('HLEN', bucket) < tonumber(ARGV[2]) then
      redis.call('HSET', bucket, field, times)
    end
  end
  redis.call('PEXPIRE', bucket, ARGV[1])
end
return 1
