-- Writes what is remembered of people's identifiers (identity_buckets.py): whole values, and sets of tokens in one.
--
-- KEYS  buckets
-- ARGV  an order for each: what to do (1 byte), field (9 bytes), operand
--       's' set the value; 'd' delete the field; 'a' add a token; 'o' take out the token, of which the head is enough
-- The first byte of a field says how long its tokens are, and how much of one, its head, tells them apart. An added
-- token takes the place of one with its head; the first of more than may be gives way. A person is on more lists than
-- an identifier has people.
-- Returns 1, or 0 with nothing added where less than a fifth of the memory is left, so that what waits has room.
local WIDTH, HEAD, MOST = { i = 12, t = 4 }, { i = 8, t = 4 }, { i = 16, t = 256 }

-- without(value, kind, token): the tokens of a value but for the one with the head of this one, in their order.
local function without(value, kind, token)
  local kept, head = {}, string.sub(token, 1, HEAD[kind])
  for at = 1, #value, WIDTH[kind] do
    local each = string.sub(value, at, at + WIDTH[kind] - 1)
    if string.sub(each, 1, HEAD[kind]) ~= head then kept[#kept + 1] = each end
  end
  return kept
end

local fits = room(0, 0.8)
for i, bucket in ipairs(KEYS) do
  local what, field, operand = string.sub(ARGV[i], 1, 1), string.sub(ARGV[i], 2, 10), string.sub(ARGV[i], 11)
  if what == 's' then
    if fits then redis.call('HSET', bucket, field, operand) end
  elseif what == 'd' then
    redis.call('HDEL', bucket, field)
  else
    local kind = string.sub(field, 1, 1)
    local kept = without(redis.call('HGET', bucket, field) or '', kind, operand)
    if what == 'a' then
      kept[#kept + 1] = operand
      if #kept > MOST[kind] then table.remove(kept, 1) end
    end
    if #kept == 0 then
      redis.call('HDEL', bucket, field)
    elseif fits or what == 'o' then
      redis.call('HSET', bucket, field, table.concat(kept))
    end
  end
end
return fits and 1 or 0
