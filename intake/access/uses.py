"""Counts the requests and refusals of each sender, and writes the counts periodically instead of per request."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from queues import senders
from queues.clock import now_ms
from queues.senders import Lack, SenderUse

log = logging.getLogger(__name__)

#: Seconds between two checks for counts that are due.
EVERY: Final = 1.0
#: Seconds from the first request of a sender to the first write, and between two writes.
WRITTEN = 60.0


class _Since:
    """The counts of one sender since the last write."""

    def __init__(self, due: float) -> None:
        self.last = 0
        self.requests = 0
        self.refused: Counter[str] = Counter()
        self.due = due


class Uses:
    """The counts of all senders of one process. `clock`: seconds."""

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._since: dict[str, _Since] = {}

    def count(self, sender: str) -> None:
        """Count one request."""
        since = self._of(sender)
        since.requests += 1
        since.last = now_ms()

    def refused(self, sender: str, lack: Lack) -> None:
        """Count one refusal; `lack`: what the sender lacked."""
        self._of(sender).refused[lack] += 1

    async def look(self) -> None:
        """Write the counts that are due: each sender's once a minute."""
        now = self._clock()
        for name, since in list(self._since.items()):
            if since.requests and since.due <= now:
                since.due = now + WRITTEN
                await self._write(name, since)

    async def write(self) -> None:
        """Write all counts, at the end of the process."""
        for name, since in list(self._since.items()):
            if since.requests:
                await self._write(name, since)

    def _of(self, sender: str) -> _Since:
        found = self._since.get(sender)
        if found is None:
            found = self._since[sender] = _Since(self._clock() + WRITTEN)
        return found

    async def _write(self, name: str, since: _Since) -> None:
        use = SenderUse(since.last, since.requests, dict(since.refused))
        try:
            await senders.add(self._redis, name, use)
        except (RedisError, OSError):
            return  # the counts stay, and are written next time
        since.requests -= use.requests
        since.refused -= Counter(use.refused)
        if use.refused:
            counted = ", ".join(f"{times} for its {lack}" for lack, times in sorted(use.refused.items()))
            log.warning("sender %s was refused within the last minute: %s; see `ferry senders`", name, counted)
