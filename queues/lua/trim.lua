-- Forgets what became of old batches of a queue in which nothing is settled any more.
--
-- KEYS  1 queue hash  2 history  3 settled
-- ARGV  1 most changes of which it is kept  2 ms: what was settled before goes
-- Returns how many batches went, twenty at most: ask again then.
return trim(KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[1]), tonumber(ARGV[2]))
