"""The request rates of senders, counted in Redis so that they apply to all web processes together."""

from __future__ import annotations

import time
from typing import Any

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from queues import keys
from queues.errors import Unavailable


class SenderRates:
    """The moving windows of senders; each request takes one round trip."""

    def __init__(self, redis: Redis) -> None:
        pool: Any = redis.connection_pool  # the types of `limits` allow text and numbers only
        storage = RedisStorage("redis://", implementation="redispy", key_prefix=keys.RATES, connection_pool=pool)
        self._limiter = MovingWindowRateLimiter(storage)
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
