"""What the intake looks at beside the requests, so that no request has to.

Which connections were added, whether the ledger has room, which keys are refused for good, and whether Redis can
confirm what it is asked to.
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
from queues.server.durability import Durability, obstacle

log = logging.getLogger(__name__)

#: Seconds between two looks of each watcher.
CONNECTIONS_EVERY: Final = 1.0
ROOM_EVERY: Final = 1.0
KEYS_EVERY: Final = 2.0
DURABLE_EVERY: Final = 5.0


class PeriodicTask:
    """Runs `look` every so many seconds, the first time at once."""

    def __init__(self, look: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None
        self._ends = False

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._ends = False
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(_log_end)

    async def stop(self) -> None:
        """End, also in the midst of a look."""
        self._ends = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        # asyncio.wait_for of Python 3.11 may lose a cancellation that comes in the moment in which Redis answers.
        while not self._ends:
            await self._look()
            if not self._ends:
                await asyncio.sleep(self._seconds)


def _log_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()):
        # The requests go on with what was seen last.
        log.error("a defect in Ferry, %s; nothing is looked at any more until a restart", type(fault).__name__)


class ConnectionWatcher:
    """Looks up the connections beside the requests; until it has, no request is refused for want of one."""

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


class RoomWatcher:
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


class RefusedKeys:
    """The connections held for a key that several probes found refused (mParticle: Firehose, suspend_subscription).

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


class DurabilityWatcher:
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
