"""What the parts of the console share: the settings, the ledger, and a thread pool to read it in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar

import falcon.asgi

from configuration.settings import Settings
from queues.census import Census, take_census
from queues.server.connection import connect

App = falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response]
P = ParamSpec("P")
T = TypeVar("T")

#: Concurrent reads. The pool is small and separate from the loop's threads, so that readers do not slow the intake.
_THREADS: Final = 4
#: Seconds for which a census is reused.
_FRESH: Final = 1.0


class AppContext:
    """The shared state of the console, one instance per process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis = connect(settings.redis_url)
        self._threads = ThreadPoolExecutor(_THREADS, "console")
        self._census: asyncio.Task[Census] | None = None
        self._until = 0.0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function beside the loop and return its result. Raises what the function raises."""
        context = copy_context()  # carries the request's id, for log lines
        call = partial(context.run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def census(self) -> Census:
        """Return the census, at most a second old, read once for all concurrent requests. Raises redis.RedisError."""
        if self._census is None or (self._census.done() and time.monotonic() >= self._until):
            self._census = asyncio.create_task(self._take())
        # Shielded: a browser that disconnects must not cancel what others wait for.
        return await asyncio.shield(self._census)

    def changed(self) -> None:
        """Discard the cached census after an action, so that the next one is read again."""
        self._census = None

    def close(self) -> None:
        """Close the threads and the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.redis.close()

    async def _take(self) -> Census:
        try:
            return await self.run(take_census, self.redis)
        finally:
            self._until = time.monotonic() + _FRESH
