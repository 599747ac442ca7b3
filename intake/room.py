"""Keeps the intake from taking more than there is room for."""

from __future__ import annotations

import logging

from redis.asyncio import Redis
from redis.exceptions import RedisError

from queues import room
from queues.group_commit import GroupCommit

log = logging.getLogger(__name__)

#: Seconds between two looks.
EVERY = 1.0


class Room:
    """Lets the group commit refuse while the ledger is full."""

    def __init__(self, redis: Redis, commit: GroupCommit, most: int) -> None:
        self._redis = redis
        self._commit = commit
        self._most = most

    async def look(self) -> None:
        """Look once. Where Redis does not answer, it stays as it was: Redis then refuses by itself."""
        try:
            full = await room.look(self._redis, self._most)
        except (RedisError, OSError):
            return
        if full and not self._commit.full:
            log.error("the ledger is full, so every message is answered 503 until there is room. %s", full)
        elif self._commit.full and not full:
            log.warning("there is room again: messages are taken")
        self._commit.full = full
