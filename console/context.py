"""What the parts of the console share: the settings, the ledger, and a thread pool to read it in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final, Generic, ParamSpec, TypeVar

import falcon.asgi

from configuration.settings import Settings
from queues.census import Census, take_census, take_some, take_summary
from queues.names import Queue
from queues.queries import records
from queues.queries.records import LastRun
from queues.server.connection import connect

App = falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response]
P = ParamSpec("P")
T = TypeVar("T")

#: Concurrent reads. The pool is small and separate from the loop's threads, so that readers do not slow the intake.
_THREADS: Final = 4
#: Seconds for which a reading is reused.
_FRESH: Final = 1.0


class AppContext:
    """The shared state of the console, one instance per process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis = connect(settings.redis_url)
        self._threads = ThreadPoolExecutor(_THREADS, "console")
        self._census = _Shared(lambda: self.run(take_census, self.redis))
        self._summary = _Shared(lambda: self.run(take_summary, self.redis))
        names = [query.name for query in settings.queries]
        self._last_runs = _Shared(lambda: self.run(records.last_runs, self.redis, names))

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function beside the loop and return its result. Raises what the function raises."""
        context = copy_context()  # carries the request's id, for log lines
        call = partial(context.run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def census(self) -> Census:
        """Return the census, at most a second old, read once for all concurrent requests. Raises redis.RedisError."""
        return await self._census.get()

    async def summary(self) -> Census:
        """Return the totals of all queues and the queues in trouble, at most a second old. Raises redis.RedisError."""
        return await self._summary.get()

    async def last_runs(self) -> dict[str, LastRun]:
        """Return the last run of each query, at most a second old. Raises redis.RedisError."""
        return await self._last_runs.get()

    async def census_of(self, name: str) -> Census:
        """Return the census of one queue, without it if there is no queue of this name. Raises redis.RedisError."""
        try:
            queue = Queue.parse(name)
        except ValueError:
            return await self.summary()
        return await self.run(take_some, self.redis, [queue])

    def changed(self) -> None:
        """Discard the cached readings after an action, so that the next one is read again."""
        for reading in (self._census, self._summary, self._last_runs):
            reading.discard()

    def close(self) -> None:
        """Close the threads and the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.redis.close()


class _Shared(Generic[T]):
    """A reading that concurrent requests share, and that is reused for a second."""

    def __init__(self, take: Callable[[], Awaitable[T]]) -> None:
        self._take = take
        self._task: asyncio.Task[T] | None = None
        self._until = 0.0

    async def get(self) -> T:
        if self._task is None or (self._task.done() and time.monotonic() >= self._until):
            self._task = asyncio.create_task(self._read())
        # Shielded: a browser that disconnects must not cancel what others wait for.
        return await asyncio.shield(self._task)

    def discard(self) -> None:
        self._task = None

    async def _read(self) -> T:
        try:
            return await self._take()
        finally:
            self._until = time.monotonic() + _FRESH
