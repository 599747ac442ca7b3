-- Releases the claims of a batch that has ended, a thousand at a time.
--
-- KEYS  1 claims of the account or connection  2 claims of the batch
-- ARGV  1 batch
-- Returns how many were released; repeat until it returns 0.
local claimed = redis.call('SPOP', KEYS[2], 1000)
for _, identifier in ipairs(claimed) do
  local known = redis.call('HGET', KEYS[1], identifier)
  if known then
    local others = {}
    for batch in string.gmatch(string.sub(known, 9), '%S+') do
      if batch ~= ARGV[1] then others[#others + 1] = batch end
    end
    if #others == 0 then
      redis.call('HDEL', KEYS[1], identifier)
    else
      redis.call('HSET', KEYS[1], identifier, string.sub(known, 1, 8) .. table.concat(others, ' '))
    end
  end
end
return #claimed
