-- Reads ids and reasons of dead letters, newest first, without their changes, because a page counts thousands.
--
-- KEYS  1 dead
-- ARGV  1 the newest id to read, in the form of XREVRANGE  2 most letters
-- Returns {id, reason, id, reason ...}

local found = {}
for _, letter in ipairs(redis.call('XREVRANGE', KEYS[1], ARGV[1], '-', 'COUNT', ARGV[2])) do
  found[#found + 1] = letter[1]
  found[#found + 1] = letter[2][4]
end
return found
