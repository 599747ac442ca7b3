-- Looks at dead letters, newest first, and leaves the changes in them where they are: a page counts thousands.
--
-- KEYS  1 dead
-- ARGV  1 the newest id to look at, as XREVRANGE takes it  2 most letters
-- Returns {id, reason, id, reason ...}

local found = {}
for _, letter in ipairs(redis.call('XREVRANGE', KEYS[1], ARGV[1], '-', 'COUNT', ARGV[2])) do
  found[#found + 1] = letter[1]
  found[#found + 1] = letter[2][4]
end
return found
