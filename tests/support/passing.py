"""What a ledger on one server waits for, found in one call of Redis, and waits that are over at once."""

from __future__ import annotations

from typing import Final, NamedTuple

from redis import Redis

from queues import keys
from queues.names import PARTITIONS, Queue

#: Where the keys of each partition begin.
_ROOTS: Final = [keys.partition(number, "") for number in range(PARTITIONS)]
#: What passes with the time: locks, and pauses and slots of limits.
_PASSING: Final = ("ferry:lock:*", "ferry:limits:*")
#: KEYS: the roots. ARGV: the patterns of keys that pass; nothing passes without any.
_LEFT: Final = """
local batches, queues = {}, {}
for _, root in ipairs(KEYS) do
  for _, batch in ipairs(redis.call('ZRANGE', root .. 'ring', 0, -1)) do
    if ARGV[1] then
      redis.call('ZADD', root .. 'ring', 1, batch)
      redis.call('HSET', root .. 'b:' .. batch, 'lease', 1)
    end
    table.insert(batches, batch)
  end
  for _, queue in ipairs(redis.call('SMEMBERS', root .. 'queues')) do
    if redis.call('EXISTS', root .. 'q:' .. queue .. ':pending') == 1 then table.insert(queues, queue) end
  end
end
for _, pattern in ipairs(ARGV) do
  for _, key in ipairs(redis.call('KEYS', pattern)) do redis.call('DEL', key) end
end
return {batches, queues}
"""


class Left(NamedTuple):
    """`batches`: that are open. `queues`: with changes that are not taken."""

    batches: list[str]
    queues: list[Queue]


def left(redis: Redis) -> Left:
    """What is left to do."""
    return _asked(redis)


def let_pass(redis: Redis) -> Left:
    """Every lease, wait, lock and pause is over, as after `recovery.let_time_pass`; what is left to do."""
    return _asked(redis, *_PASSING)


def _asked(redis: Redis, *passing: str) -> Left:
    batches, queues = redis.register_script(_LEFT)(_ROOTS, passing)
    return Left([batch.decode() for batch in batches], sorted(Queue.parse(name.decode()) for name in queues))
