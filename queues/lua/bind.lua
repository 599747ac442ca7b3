-- Assigns consents that were sent under an id alone to the first person who is sent with that id.
--
-- KEYS  1 hash of the id (remember.lua)
-- ARGV  1 key of the person
-- Returns 1, or 0 if there are no consents or they already belong to a person.
local values = redis.call('HVALS', KEYS[1])
for _, value in ipairs(values) do
  if value == '' then return 0 end
end
if #values == 0 then return 0 end
return redis.call('HSET', KEYS[1], ARGV[1], '')
