"""What every part of the console works with: the settings, the ledger, and threads of its own to read it in."""

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

#: Reads under way at a time. Few, and not the loop's own threads: people who look must not slow down the intake.
_THREADS: Final = 4
#: Seconds for which a census is shown to whoever asks.
_FRESH: Final = 1.0


class AppContext:
    """One for a process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis = connect(settings.redis_url)
        self._threads = ThreadPoolExecutor(_THREADS, "console")
        self._census: asyncio.Task[Census] | None = None
        self._until = 0.0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a blocking function returns, run beside the loop. Raises what it raises."""
        context = copy_context()  # with the request's id, for what is logged there
        call = partial(context.run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def census(self) -> Census:
        """What is in the ledger, at most a second old; read once for all who ask. Raises redis.RedisError."""
        if self._census is None or (self._census.done() and time.monotonic() >= self._until):
            self._census = asyncio.create_task(self._take())
        # Shielded: one browser that goes away must not end what others wait for.
        return await asyncio.shield(self._census)

    def changed(self) -> None:
        """Somebody acted: the next census is taken anew."""
        self._census = None

    def close(self) -> None:
        """Let go of the threads and the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.redis.close()

    async def _take(self) -> Census:
        try:
            return await self.run(take_census, self.redis)
        finally:
            self._until = time.monotonic() + _FRESH
