-- Functions that several scripts share; this text is put in front of them.
--
-- reindex(meta, pending, due, queue, now): puts the queue into the due index with the ms at which the flush policy
-- must check it (policy.py: due_at), or removes it if it has no pending changes.
-- Returns 1 when the queue is due by now and was not before, 0 otherwise.
local function reindex(meta, pending, due, queue, now)
  local waiting = redis.call('LLEN', pending)
  if waiting == 0 then
    redis.call('ZREM', due, queue)
    return 0
  end
  local m = redis.call('HMGET', meta, 'size', 'age', 'taken', 'upto', 'uploaded')
  local at = 0
  if waiting < tonumber(m[1]) and tonumber(m[4] or 0) <= tonumber(m[3] or 0) then
    at = tonumber(string.sub(redis.call('LINDEX', pending, 0), 2, 14))
    if m[5] and tonumber(m[5]) < at then at = tonumber(m[5]) end
    at = at + tonumber(m[2])
  end
  local before = redis.call('ZSCORE', due, queue)
  redis.call('ZADD', due, at, queue)
  if at <= now and (not before or tonumber(before) > now) then return 1 end
  return 0
end

-- keys_of(change): the person keys in a stored change's header (format: change.py).
local function keys_of(change)
  local keys = {}
  for i = 0, tonumber(string.sub(change, 1, 1)) - 1 do
    keys[#keys + 1] = string.sub(change, 15 + i * 16, 30 + i * 16)
  end
  return keys
end

-- is_update(change): whether a stored change says nothing about a membership.
local function is_update(change)
  local start = 15 + tonumber(string.sub(change, 1, 1)) * 16
  return string.sub(change, start, start + 8) == '["update"'
end

-- bury(dead, buried, change, reason, detail, first, attempts): stores a change as a dead letter. `buried` maps person
-- keys to the ids of their letters, so that a later delivery finds the letters it supersedes.
local function bury(dead, buried, change, reason, detail, first, attempts)
  local id = redis.call('XADD', dead, '*', 'change', change, 'reason', reason, 'detail', detail,
    'first', first, 'attempts', attempts)
  for _, key in ipairs(keys_of(change)) do
    redis.call('HSET', buried, key, (redis.call('HGET', buried, key) or '') .. id .. ' ')
  end
end

-- unbury(dead, buried, id): removes a dead letter. Returns its change, nil if there is no such letter.
local function unbury(dead, buried, id)
  local letter = redis.call('XRANGE', dead, id, id)[1]
  if not letter then return nil end
  -- The first write must free memory: then a full Redis lets the script finish.
  redis.call('XDEL', dead, id)
  local change = letter[2][2]
  for _, key in ipairs(keys_of(change)) do
    local ids = redis.call('HGET', buried, key)
    local at = ids and string.find(ids, id .. ' ', 1, true)
    if at then
      ids = string.sub(ids, 1, at - 1) .. string.sub(ids, at + #id + 1)
      if ids == '' then redis.call('HDEL', buried, key) else redis.call('HSET', buried, key, ids) end
    end
  end
  return change
end

-- is_one(change, other): whether two changes are of the same person, judged by their keys; the first key names it.
local function is_one(change, other)
  local mine, theirs = keys_of(change), keys_of(other)
  for _, key in ipairs(mine) do if key == theirs[1] then return true end end
  for _, key in ipairs(theirs) do if key == mine[1] then return true end end
  return false
end

-- is_undecided(letter): whether it is an update that may be another person's: nobody else's removal ends it.
local function is_undecided(letter)
  return letter[2][4] == 'ambiguous_person' and string.find(letter[2][2], '["update"', 1, true) ~= nil
end

-- overtake(dead, buried, change): removes the older dead letters of the person whose membership a change has settled:
-- replaying one could put the person back on a list that the change removed them from. Returns how many.
local function overtake(dead, buried, change)
  local overtaken = 0
  for _, key in ipairs(keys_of(change)) do
    for id in string.gmatch(redis.call('HGET', buried, key) or '', '%S+') do
      local letter = redis.call('XRANGE', dead, id, id)[1]
      local is_older = letter and string.sub(letter[2][2], 2, 14) <= string.sub(change, 2, 14)
      if is_older and is_one(change, letter[2][2]) and not is_undecided(letter) then
        unbury(dead, buried, id)
        overtaken = overtaken + 1
      end
    end
  end
  return overtaken
end

-- shed(meta, dead, buried, most, spared): deletes the oldest dead letters of a queue with more than `most`, except
-- those with the reason `spared`. It reads at most a thousand, to block Redis briefly. They stay counted as dead.
local function shed(meta, dead, buried, most, spared)
  local excess = redis.call('XLEN', dead) - most
  local from, gone = '-', 0
  for _ = 1, excess > 0 and 50 or 0 do
    -- A few at a time, because letters may be large.
    local letters = redis.call('XRANGE', dead, from, '+', 'COUNT', 20)
    for _, letter in ipairs(letters) do
      from = '(' .. letter[1]
      if gone < excess and letter[2][4] ~= spared and unbury(dead, buried, letter[1]) then gone = gone + 1 end
    end
    if gone == excess or #letters == 0 then break end
  end
  if gone > 0 then redis.call('HINCRBY', meta, 'evicted', gone) end
end

-- in_parts(values, first, last, call): call(unpack) on at most 1,000 values at a time, as many as Lua's stack holds.
local function in_parts(values, first, last, call)
  for i = first, last, 1000 do
    call(unpack(values, i, math.min(i + 999, last)))
  end
end

-- room(bytes, share): whether Redis with `bytes` more stays within that share of the memory it may use.
local function room(bytes, share)
  local memory = redis.call('INFO', 'memory')
  local most = tonumber(string.match(memory, '%d+', string.find(memory, '\nmaxmemory:', 1, true)))
  if most == 0 then return true end
  local used = tonumber(string.match(memory, '%d+', string.find(memory, '\nused_memory:', 1, true)))
  return used + bytes <= share * most
end

-- steps_of(key): returns the number of the partition's steps and the ms of the last one (rollback.py).
local function steps_of(key)
  local n, at = string.match(redis.call('GET', key) or '0 0', '^(%d+) (%d+)$')
  return tonumber(n), tonumber(at)
end

-- step(key, n, now): stores n + 1; the number shows whether the ledger went back in time.
local function step(key, n, now)
  redis.call('SET', key, (n + 1) .. ' ' .. now)
end

-- trim(meta, history, settled, most, since): deletes the oldest settled batches while the history has more than `most`
-- changes or they were settled before `since` (ms); at most twenty, to block Redis briefly. Returns how many.
local function trim(meta, history, settled, most, since)
  for gone = 0, 19 do
    local oldest = redis.call('ZRANGE', settled, 0, 0, 'WITHSCORES')
    if not oldest[1] then return gone end
    local remembered = tonumber(redis.call('HGET', meta, 'remembered') or 0)
    if remembered <= most and tonumber(oldest[2]) >= since then return gone end
    local batch, count = string.match(oldest[1], '^(.*) (.*)$')
    redis.call('ZREM', settled, oldest[1])
    redis.call('HDEL', history, batch)
    redis.call('HINCRBY', meta, 'remembered', -count)
  end
  return 20
end
