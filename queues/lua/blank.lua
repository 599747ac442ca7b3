-- Puts blanks (change.py) in the place of changes of an open batch, because their person asked to be forgotten. Not while
-- a worker holds the batch, for that one has read them; whoever gets it next reads the blanks.
--
-- KEYS  1 batch hash  2 batch changes
-- ARGV  1 SHA-1 of the progress as the caller saw it  2 the progress from now on  then for each: its index, from 0, and
--       the blank
-- Returns 1, or 0 with nothing changed: a worker holds the batch or died over it, its progress is another meanwhile, or
-- it is settled and gone.
local b = redis.call('HMGET', KEYS[1], 'held', 'progress')
if b[1] ~= '0' or redis.sha1hex(b[2]) ~= ARGV[1] then return 0 end
-- A write that takes no memory comes first, so that a full Redis lets this script finish.
redis.call('HDEL', KEYS[1], '')
for i = 3, #ARGV, 2 do redis.call('LSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'progress', ARGV[2])
return 1
