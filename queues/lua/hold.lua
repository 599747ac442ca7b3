-- Places or ends the hold of a queue.
--
-- KEYS  1 queue hash
-- ARGV  1 the hold (JSON), '' to end it
-- Returns 1, or 0 with nothing changed: the queue is held already and keeps that reason, or is not held.
local changed
if ARGV[1] == '' then changed = redis.call('HDEL', KEYS[1], 'hold')
else changed = redis.call('HSETNX', KEYS[1], 'hold', ARGV[1]) end
-- A queue without changes has no figures yet.
local root, queue = string.match(KEYS[1], '^(.*}:)q:(.+)$')
if changed == 1 and redis.call('SISMEMBER', root .. 'queues', queue) == 1 then keep(KEYS[1]) end
return changed
