"""Periodic checks that run beside the requests, so that no request has to make them.

They check which connections were added, whether the ledger has room, which keys are refused for good, and whether Redis
can confirm what FERRY_DURABLE asks for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from configuration.connections import Connections
from intake.readiness import config_of
from queues import holds, keys
from queues.group_commit import GroupCommit
from queues.server import room
from queues.server.connection import Durability, obstacle

log = logging.getLogger(__name__)

#: Seconds between two checks of each watcher.
CONNECTIONS_EVERY: Final = 1.0
ROOM_EVERY: Final = 1.0
KEYS_EVERY: Final = 2.0
DURABLE_EVERY: Final = 5.0
CLOCK_EVERY: Final = 10.0


class PeriodicTask:
    """Runs `look` every `seconds` seconds, the first time immediately. While Redis does not answer, nothing changes."""

    def __init__(self, look: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None
        self._ends = False

    def start(self) -> None:
        """Start in the running event loop."""
        self._ends = False
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(_log_end)

    async def stop(self) -> None:
        """Stop, even while `look` runs."""
        self._ends = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        # The flag is needed too: asyncio.wait_for of Python 3.11 may lose a cancellation at the moment Redis answers.
        while not self._ends:
            with suppress(RedisError, OSError):
                await self._look()
            if not self._ends:
                await asyncio.sleep(self._seconds)


def _log_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()):
        # The requests continue with the last known state.
        log.error("a defect in Ferry, %s; this periodic check stops until a restart", type(fault).__name__)


class ConnectionWatcher:
    """Looks up the connections beside the requests; before its first look-up, no request gets 404 for a connection."""

    def __init__(self, redis: Redis, connections: Connections) -> None:
        self._redis = redis
        self._connections = connections
        connections.complete = False

    async def look(self) -> None:
        """Look up the connections once. Raises redis.RedisError, OSError."""
        names = cast("list[bytes]", await self._redis.hkeys(keys.CONNECTIONS))
        self._connections.include(name.decode() for name in names)


class RoomWatcher:
    """Makes the group commit refuse changes while the ledger is full."""

    def __init__(self, redis: Redis, commit: GroupCommit, most: int) -> None:
        self._redis = redis
        self._commit = commit
        self._most = most

    async def look(self) -> None:
        """Check once. Raises redis.RedisError, OSError: the state stays, as no change can be accepted then anyway."""
        full = await room.look(self._redis, self._most)
        if full and not self._commit.full:
            log.error("the ledger is full; every message is answered 503 until there is room. %s", full)
        elif self._commit.full and not full:
            log.warning("the ledger has room again; messages are accepted")
        self._commit.full = full


class RefusedKeys:
    """The connections held because several probes found the key refused (mParticle: Firehose, suspend_subscription).

    mParticle then faults the audience until its user resumes it, so a short failure must not be enough. `connections`:
    the same set for as long as this lives.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.connections: set[str] = set()

    async def look(self) -> None:
        """Check once. No connection is suspended while Redis does not answer."""
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.hgetall(keys.HOLDS)
                pipe.hgetall(keys.CONFIRMATIONS)
                refused = holds.refused_for_good(*await pipe.execute())
        except (RedisError, OSError):
            refused = frozenset()
        for connection in sorted(refused - self.connections):
            log.error("%s: its key is refused for good; Ferry tells mParticle to suspend the audiences", connection)
        for connection in sorted(self.connections - refused):
            log.warning("%s: Ferry no longer tells mParticle to suspend the audiences; resume them there", connection)
        self.connections &= refused
        self.connections |= refused


class DurabilityWatcher:
    """Makes the group commit refuse changes while the Redis server cannot confirm the durability that is asked for."""

    def __init__(self, redis: Redis, commit: GroupCommit, asked: Durability) -> None:
        self._redis = redis
        self._commit = commit
        self._asked = asked

    async def look(self) -> None:
        """Check once. Raises redis.RedisError, OSError: the state stays, as no change can be accepted then anyway."""
        info = await self._redis.info()
        config = await config_of(self._redis)
        found = obstacle(self._asked, info, (config or {}).get("appendfsync"))
        weak = found.detail if found and found.lasts else ""
        if found and weak and not self._commit.weak:
            log.error("FERRY_DURABLE=%s: %s; every message is answered 503. %s", self._asked, weak, found.remedy)
        elif self._commit.weak and not weak:
            log.warning("Redis can confirm again what FERRY_DURABLE=%s asks for; messages are accepted", self._asked)
        self._commit.weak = weak
