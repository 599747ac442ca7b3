-- Sets the next slot of a query and begins the run of the one that has come, in one step: a scheduler that saw another
-- schedule or slot changes nothing, so no slot is claimed twice.
--
-- KEYS  1 query hash  2 run hash  3 runs of the query  4 ring
-- ARGV  1 query  2 run; '': only the next slot is set  3 schedule and 4 next slot (ms) as the caller saw them; '': none
--       5 schedule  6 next slot, ms; '': none  7 record of the run if it begins; '': it does not
--       8 record of the run if it does not  9 now, ms  10 ms at which a worker is rung  11 ms for which records are kept
--       12 records kept
-- Returns 'planned' (only the next slot was set), 'claimed', 'skipped' (a run has not ended), 'missed' (only recorded),
-- or 'lost' (the caller saw an older state).
local q = redis.call('HMGET', KEYS[1], 'schedule', 'next', 'running')
if (q[1] or '') ~= ARGV[3] or (q[2] or '') ~= ARGV[4] then return 'lost' end
redis.call('HSET', KEYS[1], 'schedule', ARGV[5], 'next', ARGV[6])
if ARGV[2] == '' then return 'planned' end
local begins = ARGV[7] ~= '' and not q[3]
record(ARGV[2], begins and ARGV[7] or ARGV[8], ARGV[9], ARGV[11], ARGV[12])
if begins then
  redis.call('HSET', KEYS[1], 'running', ARGV[2], 'skips', 0)
  redis.call('ZADD', KEYS[4], ARGV[10], ARGV[2])
  return 'claimed'
end
if ARGV[7] == '' then return 'missed' end
redis.call('HINCRBY', KEYS[1], 'skips', 1)
return 'skipped'
