"""The outcomes of each hour of the last day, per queue and in total; settle.lua and accept.lua count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis import Redis

from queues import keys
from queues.names import PARTITIONS, Queue

HOUR_MS: Final = 3_600_000
#: Hours returned, including the current one.
TOLD: Final = 24


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour. `begins`: ms. `delivered`, `dead`: changes that ended this way within it."""

    begins: int
    delivered: int
    dead: int


def of_all(redis: Redis, now: int) -> list[Hour]:
    """Return the last 24 hours of all queues, oldest first. `now`: ms. Raises redis.RedisError."""
    summed: Counter[bytes] = Counter()
    for counted in _read(redis, [keys.partition(number, "hours") for number in range(PARTITIONS)]):
        summed.update({field: int(changes) for field, changes in counted.items()})
    return _hours(summed, now)


def of_queues(redis: Redis, queues: Sequence[Queue], now: int) -> dict[Queue, list[Hour]]:
    """Return the same per queue, without queues that delivered nothing. Raises redis.RedisError."""
    found = _read(redis, [keys.queue(queue, "hours") for queue in queues])
    return {queue: _hours(counted, now) for queue, counted in zip(queues, found, strict=True) if counted}


def _read(redis: Redis, names: Sequence[str]) -> list[dict[bytes, bytes]]:
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(name)
        return list(pipe.execute())


def _hours(counted: Mapping[bytes, bytes | int], now: int) -> list[Hour]:
    last = now // HOUR_MS
    return [
        Hour(hour * HOUR_MS, int(counted.get(b"%d" % hour, 0)), int(counted.get(b"%dd" % hour, 0)))
        for hour in range(last - TOLD + 1, last + 1)
    ]
