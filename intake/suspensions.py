"""The connections about which mParticle is told to stop sending, until somebody mends their key."""

from __future__ import annotations

import logging

from redis.asyncio import Redis
from redis.exceptions import RedisError

from queues import holds, keys

log = logging.getLogger(__name__)

#: Seconds between two looks.
EVERY = 2.0


class Suspensions:
    """Those that are held for a key that several probes found refused (mParticle: Firehose, suspend_subscription).

    mParticle then faults the audience until its user resumes it, so one bad minute must not be enough.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._refused: frozenset[str] = frozenset()

    def __contains__(self, connection: object) -> bool:
        return connection in self._refused

    async def look(self) -> None:
        """Look once. None is suspended while Redis does not answer."""
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hgetall(keys.HOLDS)
                pipe.hgetall(keys.CONFIRMATIONS)
                refused = holds.refused_for_good(*await pipe.execute())
        except (RedisError, OSError):
            refused = frozenset()
        for connection in sorted(refused - self._refused):
            log.error("%s: its key is refused for good; mParticle is told to suspend its audiences", connection)
        for connection in sorted(self._refused - refused):
            log.warning("%s: mParticle is no longer told to suspend its audiences; resume them there", connection)
        self._refused = refused
