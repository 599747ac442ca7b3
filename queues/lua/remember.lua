-- Remembers a person's consents, for later changes of the person that do not contain them.
--
-- KEYS  1 hash of the person: purpose -> ms since when (13 digits), then '1' agreed or '0' refused; and each other key
--       of the person -> ''
-- ARGV  1 ms to remember it  then for each purpose and each other key: name, its value in the hash
-- A decision is replaced by one that is not older. An address that very many people use keeps 300 of their keys.
-- Returns how many fields were written. Raises OOM, with nothing written, when accept.lua does.
if not room(0, 0.9) then return redis.error_reply('OOM the last tenth of the memory is reserved for delivery') end
local written = 0
for i = 2, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  local fits = ARGV[i + 1] ~= '' or redis.call('HLEN', KEYS[1]) < 300
  if fits and (not known or string.sub(known, 1, 13) <= string.sub(ARGV[i + 1], 1, 13)) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    written = written + 1
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return written
