-- record(run, text, now, ms, most): stores the record of a run for `ms` and puts it into the runs of its query, the
-- oldest of which are deleted; this text is put in front of the scripts that begin runs.
-- Uses KEYS 2 (run hash), 3 (runs of the query) and 4 (ring: the runs that have not ended). The keys of other runs differ
-- from the run's own by the id only.
local function record(run, text, now, ms, most)
  redis.call('HSET', KEYS[2], 'record', text)
  redis.call('PEXPIRE', KEYS[2], ms)
  redis.call('ZADD', KEYS[3], now, run)
  local root = string.sub(KEYS[2], 1, #KEYS[2] - #run)
  for _, old in ipairs(redis.call('ZRANGE', KEYS[3], 0, -tonumber(most) - 1)) do
    if not redis.call('ZSCORE', KEYS[4], old) then
      redis.call('ZREM', KEYS[3], old)
      redis.call('DEL', root .. old)
    end
  end
end

