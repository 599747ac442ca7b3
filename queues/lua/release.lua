-- Releases persons of a batch whose dead letters are written (settlement.py), and deletes its first changes, which only
-- they needed.
--
-- KEYS  1 batch hash  2 open  3 batch changes
-- ARGV  1 token  2 number of changes left before this call  3 how many of them to delete  4 .. person keys
-- Returns 1, or 0 when the token is not the batch's current one.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
if redis.call('LLEN', KEYS[3]) ~= tonumber(ARGV[2]) then return 1 end -- repeated, because the reply was lost
-- The first write frees memory, so that a full Redis lets this script finish.
redis.call('LTRIM', KEYS[3], ARGV[3], -1)
in_parts(ARGV, 4, #ARGV, function(...) redis.call('SREM', KEYS[2], ...) end)
return 1
