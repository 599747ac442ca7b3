-- Writes what is remembered of people's identifiers (identity_buckets.py): whole values, and sets of tokens in a value.
--
-- KEYS  buckets
-- ARGV  an order for each: what to do (1 byte), field (9 bytes), operand
--       's' set the value; 'd' delete the field; 'a' add a token; 'o' remove a token, given by its head
-- The first byte of a field determines the form of its tokens (identity_tokens.py) and of their heads, which identify
-- them. An added token replaces one with the same head. Above 256 tokens the one of an identifier with the oldest time
-- is dropped, of a person the one added first.
-- Entries of an earlier version are removed with those that replace them: of an identifier (`i`) when its person is
-- removed, or added to `h` once more, since processes of that version may still run at the first time.
-- Returns 1, or 0 with nothing added if less than a fifth of the memory is left, which is kept for pending changes.
local MOST, PERSON = 256, 8

-- width(kind, value, at): the length of the token of that place.
local function width(kind, value, at)
  if kind == 'h' then return 14 elseif kind == 'i' then return 12 end
  return string.sub(value, at, at) == 'O' and 12 or 4
end

-- before(kind, token): the form that an earlier version gave an id of the CDP, nil for other tokens.
local function before(kind, token)
  if kind ~= 't' or string.sub(token, 1, 1) ~= 'O' then return nil end
  local first = string.byte(token, 2)
  return string.char(first < 128 and first + 128 or first) .. string.sub(token, 3, 3) .. string.sub(token, 5, 6)
end

-- without(kind, value, token): the tokens of a value in their order, except those that `token` replaces.
local function without(kind, value, token)
  local length = kind == 't' and #token or PERSON
  local head, earlier, kept, at = string.sub(token, 1, length), before(kind, token), {}, 1
  while at <= #value do
    local each = string.sub(value, at, at + width(kind, value, at) - 1)
    if string.sub(each, 1, length) ~= head and each ~= earlier then kept[#kept + 1] = each end
    at = at + width(kind, value, at)
  end
  return kept
end

-- oldest(kind, tokens): the place of the token to drop.
local function oldest(kind, tokens)
  local found = 1
  for i = 2, kind == 'h' and #tokens or 0 do
    if string.sub(tokens[i], PERSON + 1) < string.sub(tokens[found], PERSON + 1) then found = i end
  end
  return found
end

-- write(bucket, field, tokens): stores the tokens; the field goes when there are none.
local function write(bucket, field, tokens)
  if #tokens == 0 then redis.call('HDEL', bucket, field) else redis.call('HSET', bucket, field, table.concat(tokens)) end
end

local fits = room(0, 0.8)
for i, bucket in ipairs(KEYS) do
  local what, field, operand = string.sub(ARGV[i], 1, 1), string.sub(ARGV[i], 2, 10), string.sub(ARGV[i], 11)
  if what == 's' then
    if fits then redis.call('HSET', bucket, field, operand) end
  elseif what == 'd' then
    redis.call('HDEL', bucket, field)
  elseif fits or what == 'o' then
    local kind, value = string.sub(field, 1, 1), redis.call('HGET', bucket, field) or ''
    local kept = without(kind, value, operand)
    local is_known = #table.concat(kept) < #value
    if what == 'a' then
      kept[#kept + 1] = operand
      if #kept > MOST then table.remove(kept, oldest(kind, kept)) end
    end
    write(bucket, field, kept)
    if kind == 'h' and (is_known or what == 'o') then
      local earlier = 'i' .. string.sub(field, 2)
      local held = redis.call('HGET', bucket, earlier)
      if held then write(bucket, earlier, without('i', held, operand)) end
    end
  end
end
return fits and 1 or 0
