-- Replaces changes of an open batch with blanks (change.py), because their person asked to be forgotten. Refused while
-- a worker holds the batch, because it has read the changes; the next worker reads the blanks.
--
-- KEYS  1 batch hash  2 batch changes
-- ARGV  1 SHA-1 of the progress as the caller read it  2 the new progress  then for each: its index, from 0, and the
--       blank
-- Returns 1, or 0 with nothing changed: a worker holds the batch or died with it, its progress has changed meanwhile,
-- its settlement is being written, or it is settled and gone.
local b = redis.call('HMGET', KEYS[1], 'held', 'progress', 'decided')
if b[1] ~= '0' or b[3] or redis.sha1hex(b[2]) ~= ARGV[1] then return 0 end
-- The first write takes no memory, so that a full Redis lets this script finish.
redis.call('HDEL', KEYS[1], '')
for i = 3, #ARGV, 2 do redis.call('LSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'progress', ARGV[2])
return 1
