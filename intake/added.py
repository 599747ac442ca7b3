"""Which connections were added while this process runs, so that requests may name them."""

from __future__ import annotations

from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connections import Connections
from queues import keys

#: Seconds between two looks.
EVERY = 1.0


class Added:
    """Looks them up beside the requests. Until it has, nobody is told that there is no such connection."""

    def __init__(self, redis: Redis, connections: Connections) -> None:
        self._redis = redis
        self._connections = connections
        connections.complete = False

    async def look(self) -> None:
        """Look once. While Redis does not answer, those seen last stay."""
        try:
            names = cast("list[bytes]", await self._redis.hkeys(keys.CONNECTIONS))
        except (RedisError, OSError):
            return
        self._connections.include(name.decode() for name in names)
