-- Reads the rows of all queues of a partition as one text, because very many single values take a client long to read.
-- Writes nothing.
--
-- KEYS  1 rows
-- Returns a line for each queue: its name, the name of its audience, the ms at which the flush policy checks it (empty
-- without pending changes), what is wrong with it, and its row, with tabs in between. Control characters and percent
-- signs in the name of an audience are percent-encoded.
-- The other keys are in the same partition, as Redis Cluster requires.
local root = string.sub(KEYS[1], 1, -#'rows' - 1)

-- by_queue(pairs): a table of a list of queues and values.
local function by_queue(pairs)
  local found = {}
  for i = 1, #pairs, 2 do found[pairs[i]] = pairs[i + 1] end
  return found
end

-- encoded(char): a character, percent-encoded.
local function encoded(char)
  return string.format('%%%02X', string.byte(char))
end

local names = by_queue(redis.call('HGETALL', root .. 'names'))
local due = by_queue(redis.call('ZRANGE', root .. 'due', 0, -1, 'WITHSCORES'))
local trouble = by_queue(redis.call('ZRANGE', root .. 'trouble', 0, -1, 'WITHSCORES'))
local rows, lines = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #rows, 2 do
  local queue, name = rows[i], string.gsub(names[rows[i]] or '', '[%c%%]', encoded)
  lines[#lines + 1] = table.concat({queue, name, due[queue] or '', trouble[queue] or '0', rows[i + 1]}, '\t')
end
return table.concat(lines, '\n')
