-- Reads a queue atomically, so that its figures belong together: accepted = pending + open + delivered + dead +
-- superseded. Writes nothing.
--
-- KEYS  1 queue hash  2 pending  3 batches  4 dead  5 warnings
-- Returns {fields and values of the hash, pending, ms at which the oldest pending change was accepted or '',
--          batches and the ms at which each was taken, dead letters kept, codes and people of the warnings}.
local head = redis.call('LINDEX', KEYS[2], 0)
return {
  redis.call('HGETALL', KEYS[1]),
  redis.call('LLEN', KEYS[2]),
  head and string.sub(head, 2, 14) or '',
  redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES'),
  redis.call('XLEN', KEYS[4]),
  redis.call('HGETALL', KEYS[5]),
}
