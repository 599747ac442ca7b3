-- Stores a piece of a snapshot's body.
--
-- KEYS  1 body
-- ARGV  1 number of the piece, from 0  2 the piece  3 ms after which a body that gets no more pieces expires
-- Storing the same piece again changes nothing. Raises OOM, with the whole body deleted, when less than a tenth of the
-- memory would be left: delivery could not write to a completely full Redis.
if not room(#ARGV[2], 0.9) then
  redis.call('UNLINK', KEYS[1])
  return redis.error_reply('OOM the last tenth of the memory is reserved for delivery')
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
