-- What was told of somebody's consent under an id alone is from now on the person's who came with the id first.
--
-- KEYS  1 hash of the id (remember.lua)
-- ARGV  1 key of the person
-- Returns 1, or 0 where nothing was told, or it was told of a person already.
local told = redis.call('HVALS', KEYS[1])
for _, value in ipairs(told) do
  if value == '' then return 0 end
end
if #told == 0 then return 0 end
return redis.call('HSET', KEYS[1], ARGV[1], '')
