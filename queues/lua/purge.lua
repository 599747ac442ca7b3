-- Deletes dead letters permanently. They stay counted as dead.
--
-- KEYS  1 queue hash  2 dead  3 buried
-- ARGV  1 whether they count as evicted, 1 or 0: deleted automatically, because they are too many or too old
--       2 .. ids of dead letters
-- Returns how many still existed.
local purged = 0
for i = 2, #ARGV do
  if unbury(KEYS[2], KEYS[3], ARGV[i]) then purged = purged + 1 end
end
if ARGV[1] == '1' and purged > 0 then redis.call('HINCRBY', KEYS[1], 'evicted', purged) end
if purged > 0 then keep(KEYS[1]) end
return purged
