-- Reads the times of membership changes that said.lua stored (lateness.py). Writes nothing.
--
-- KEYS  buckets
-- ARGV  for each bucket the fields to read, 8 bytes each
-- Returns one text with an entry of 20 bytes for each field that a bucket has, as said.lua takes them: one command and one
-- answer, because a batch asks for hundreds of buckets.
local found = {}
for i, bucket in ipairs(KEYS) do
  local fields = {}
  for at = 1, #ARGV[i], 8 do fields[#fields + 1] = string.sub(ARGV[i], at, at + 7) end
  for j, times in ipairs(redis.call('HMGET', bucket, unpack(fields))) do
    if times then found[#found + 1] = fields[j] .. times end
  end
end
return table.concat(found)
