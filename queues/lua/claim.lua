-- Claims identifiers for the people of a batch, so that no two open batches send one of them for different people.
--
-- KEYS  1 claims of the account or connection  2 claims of the batch
-- ARGV  1 batch  2 batches that have ended, joined by spaces: their claims are void
--       then for each identifier: its hash, the hash of the person
-- Returns for each: '' if claimed, else the batches that hold it for another person.
local over = {}
for batch in string.gmatch(ARGV[2], '%S+') do over[batch] = true end
local answers = {}
for i = 3, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i]) or ''
  local owner, holders, others = string.sub(known, 1, 8), {}, {}
  for batch in string.gmatch(string.sub(known, 9), '%S+') do
    if not over[batch] and batch ~= ARGV[1] then others[#others + 1] = batch end
  end
  if #others > 0 and owner ~= ARGV[i + 1] then
    answers[#answers + 1] = table.concat(others, ' ')
  else
    others[#others + 1] = ARGV[1]
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. table.concat(others, ' '))
    redis.call('SADD', KEYS[2], ARGV[i])
    answers[#answers + 1] = ''
  end
end
redis.call('EXPIRE', KEYS[2], 30 * 86400)
return answers
