-- Appends what one message brings to one queue. The last thing before an intake answers 202.
--
-- KEYS  1 queue hash  2 pending  3 due  4 dead  5 buried  6 queues  7 seen mark of the message
-- ARGV  1 queue  2 now, ms  3 ms to remember the message, 0: not at all  4 size  5 age, ms
--       6 audience (JSON), empty: as it was  7 most changes that may wait  8 n, number of changes  9 .. 8+n changes
--       then for each change that is dead on arrival: change, reason, detail
-- Returns 0 for a message seen before, which changes nothing; 1 when it is written down; 2 when it is and made the
-- queue due; -1, with nothing written, when more would wait than may. One number, because parsing an array takes a
-- client as long as packing the call.
-- Raises OOM, with nothing written, when less than a tenth of the memory would be left: a Redis that was filled to the
-- brim could not write down what delivery has to, and would never drain.
if ARGV[3] ~= '0' and redis.call('EXISTS', KEYS[7]) == 1 then return 0 end
local n = tonumber(ARGV[8])
local waiting = redis.call('LLEN', KEYS[2])
-- An empty queue takes a message of any size: refused, that one would be repeated for ever.
if waiting > 0 and n > 0 and waiting + n > tonumber(ARGV[7]) then return -1 end
local bytes = 0
for i = 9, #ARGV do bytes = bytes + #ARGV[i] end
if not room(bytes, 0.9) then return redis.error_reply('OOM a tenth of the memory is left to delivery') end
if ARGV[3] ~= '0' then redis.call('SET', KEYS[7], '', 'PX', ARGV[3]) end
local now = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'size', ARGV[4], 'age', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'audience', ARGV[6]) end
redis.call('SADD', KEYS[6], ARGV[1])
in_parts(ARGV, 9, 8 + n, function(...) redis.call('RPUSH', KEYS[2], ...) end)
local dead = 0
for i = 9 + n, #ARGV, 3 do
  bury(KEYS[4], KEYS[5], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[2], 0)
  dead = dead + 1
end
if n + dead > 0 then redis.call('HINCRBY', KEYS[1], 'accepted', n + dead) end
if dead > 0 then redis.call('HINCRBY', KEYS[1], 'dead', dead) end
if n == 0 then return 1 end
return 1 + reindex(KEYS[1], KEYS[2], KEYS[3], ARGV[1], now)
