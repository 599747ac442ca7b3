"""The time in the unit of the ledger, ms, by Redis's clock, which all machines share.

Leases and due times are stored times that another machine judges, so a machine whose clock is off must not go by it: a
lease that it gives would end too soon or too late. Each process compares the clocks now and then (`follow`) and from
then on corrects its own.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Final, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import ResponseError

from queues import keys

#: ms by which a clock may be off before it is corrected. Below, correcting would only make times jump.
IGNORED_MS: Final = 1_000
#: ms from which on the machine is named to operators.
OFF_MS: Final = 5_000
#: ms for which a machine counts as off after it was last found to be.
_KEPT_MS: Final = 600_000


class _Correction:
    """What is added to the machine's own clock, in ms. `noted`: the ledger names this machine."""

    ms = 0
    noted = False


def now_ms() -> int:
    """Return the milliseconds since 1970, UTC."""
    return _own_ms() + _Correction.ms


def _own_ms() -> int:
    return time.time_ns() // 1_000_000


def follow(redis: Redis, *, notes: bool = True) -> int:
    """Compare with Redis's clock, and correct `now_ms`. Return the ms by which this machine is ahead, negative: behind.

    `notes`: name this machine in the ledger while it is far off. Raises redis.RedisError.
    """
    began = _own_ms()
    server = redis.time()
    off = _compared(began, server, _own_ms())
    with suppress(ResponseError):  # a full Redis, whose batches must be delivered all the same
        for words in _noting(off) if notes else ():
            redis.execute_command(*words)  # type: ignore[no-untyped-call]  # as in redis-py
    return off


async def follow_async(redis: AsyncRedis) -> None:
    """Compare with Redis's clock as `follow` does. Raises redis.RedisError and OSError."""
    began = _own_ms()
    server = await redis.time()
    off = _compared(began, server, _own_ms())
    with suppress(ResponseError):
        for words in _noting(off):
            await redis.execute_command(*words)  # type: ignore[no-untyped-call]  # as in redis-py


def _noting(off: int) -> list[tuple[str | int, ...]]:
    """Return the commands that name this machine, or, once it is right again, take its name away."""
    was, _Correction.noted = _Correction.noted, abs(off) >= OFF_MS
    host = socket.gethostname()
    if _Correction.noted:
        return [("HSET", keys.CLOCKS, host, f"{off} {now_ms()}"), ("PEXPIRE", keys.CLOCKS, _KEPT_MS)]
    return [("HDEL", keys.CLOCKS, host)] if was else []


def _compared(began: int, server: tuple[int, int], ended: int) -> int:
    off = difference(began, server[0] * 1000 + server[1] // 1000, ended)
    _Correction.ms = -off if abs(off) >= IGNORED_MS else 0
    return off


def difference(began: int, server: int, ended: int) -> int:
    """Return the ms by which the own clock is ahead for certain, negative: behind. Pure.

    `began`, `ended`: the own clock around the question, which may have taken long. `server`: the answer.
    """
    return min(0, ended - server) if server > began else max(0, began - server)


def machines_off(redis: Redis) -> dict[str, int]:
    """Return the machines whose clocks are off -> the ms by which they are ahead. Raises redis.RedisError."""
    found = {}
    for host, noted in cast("dict[bytes, bytes]", redis.hgetall(keys.CLOCKS)).items():
        off, at = map(int, noted.split())
        if now_ms() - at < _KEPT_MS:
            found[host.decode()] = off
    return found
