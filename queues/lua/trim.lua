-- Deletes the history of old batches of a queue that settles nothing any more.
--
-- KEYS  1 queue hash  2 history  3 settled
-- ARGV  1 most changes in the history  2 ms: batches settled before are deleted
-- Returns how many batches were deleted, twenty at most; repeat until it returns 0.
return trim(KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[1]), tonumber(ARGV[2]))
