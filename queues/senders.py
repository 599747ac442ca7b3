"""The request rates of senders, and their use: time of the last request, number of requests, and refusals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.strategies import MovingWindowRateLimiter
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from queues import keys
from queues.errors import Unavailable
from queues.rate_limits import AsyncRateStorage

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


class SenderRates:
    """The moving windows of senders; each request takes one round trip."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._limiter = MovingWindowRateLimiter(AsyncRateStorage(redis, keys.RATES))
        #: Sender -> time (s) until which there is no free slot: a flood is refused without a call to Redis.
        self._full_until: dict[str, float] = {}

    async def wait(self, name: str, amount: int, seconds: int) -> float:
        """Take one of `amount` slots per `seconds` and return 0.0, or return the seconds until one is free.

        `name`: of the sender. Raises Unavailable.
        """
        left = self._full_until.get(name, 0.0) - time.time()
        if left > 0:
            return left
        try:
            return await self._wait(name, RateLimitItemPerSecond(amount, seconds, namespace="sender"))
        except (RedisError, OSError) as fault:
            raise Unavailable from fault

    async def _wait(self, name: str, window: RateLimitItem) -> float:
        if await self._limiter.hit(window, name):
            return 0.0
        free = (await self._limiter.get_window_stats(window, name)).reset_time
        self._full_until[name] = free
        return max(free - time.time(), 0.001)
