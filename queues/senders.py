"""The use by each sender: time of the last request, number of requests, and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from queues import keys

#: Causes of a refusal: route, connection or mParticle account not allowed, rate exceeded, no right to set keys, origin
#: of a page not allowed.
Lack = Literal["route", "connection", "account", "rate", "keys", "origin"]
_REFUSED: Final = "refused:"


@dataclass(frozen=True, slots=True)
class SenderUse:
    """The use by a sender. `last`: ms, None if it never sent. `requests`: total. `refused`: count by cause."""

    last: int | None = None
    requests: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)


async def add(redis: AsyncRedis, name: str, use: SenderUse) -> None:
    """Add the use since the last call, in one round trip. Raises redis.RedisError."""
    key = keys.sender(name)
    async with redis.pipeline(transaction=False) as pipe:
        pipe.hset(key, "last", cast("Any", use.last))
        pipe.hincrby(key, "requests", use.requests)
        for lack, times in use.refused.items():
            pipe.hincrby(key, f"{_REFUSED}{lack}", times)
        await pipe.execute()


def read(redis: Redis, name: str) -> SenderUse:
    """Return the use by a sender. Raises redis.RedisError."""
    stored = {
        name.decode(): int(value)
        for name, value in cast("dict[bytes, bytes]", redis.hgetall(keys.sender(name))).items()
    }
    refused = {name.removeprefix(_REFUSED): times for name, times in stored.items() if name.startswith(_REFUSED)}
    return SenderUse(stored.get("last"), stored.get("requests", 0), refused)
