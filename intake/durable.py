"""Whether Redis can confirm what it is asked to; looked at again and again, for another server may take its place."""

from __future__ import annotations

import logging
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from intake.readiness import config_of
from queues.durability import Durability, obstacle
from queues.group_commit import GroupCommit

log = logging.getLogger(__name__)

#: Seconds between two looks.
EVERY: Final = 5.0


class Durable:
    """Lets the group commit refuse while the server confirms what is not so, or nothing."""

    def __init__(self, redis: Redis, commit: GroupCommit, asked: Durability) -> None:
        self._redis = redis
        self._commit = commit
        self._asked = asked

    async def look(self) -> None:
        """Look once. Where Redis does not answer, it stays as it was: nothing is accepted then anyway."""
        try:
            info = await self._redis.info()
            config = await config_of(self._redis)
        except (RedisError, OSError):
            return
        found = obstacle(self._asked, info, (config or {}).get("appendfsync"))
        weak = found.detail if found and found.lasts else ""
        if found and weak and not self._commit.weak:
            log.error("FERRY_DURABLE=%s: %s; every message is answered 503. %s", self._asked, weak, found.remedy)
        elif self._commit.weak and not weak:
            log.warning("Redis can confirm again what FERRY_DURABLE=%s asks for: messages are taken", self._asked)
        self._commit.weak = weak
