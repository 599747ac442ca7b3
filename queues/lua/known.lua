-- Writes what is remembered of people's identifiers (identity_buckets.py): whole values, and sets of tokens in a value.
--
-- KEYS  buckets
-- ARGV  an order for each: what to do (1 byte), field (9 bytes), operand
--       's' set the value; 'd' delete the field; 'a' add a token; 'o' remove a token, given by its head
-- The first byte of a field determines the length of its tokens and of their heads, which identify them. An added token
-- replaces one with the same head; above the maximum the oldest token is dropped. The maximum is higher for a person's
-- lists than for an identifier's people.
-- Returns 1, or 0 with nothing added if less than a fifth of the memory is left, which is kept for pending changes.
local WIDTH, HEAD, MOST = { i = 12, t = 4 }, { i = 8, t = 4 }, { i = 16, t = 256 }

-- without(value, kind, token): the tokens of a value in their order, except the one with the same head as `token`.
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
