"""Reads large bodies in a thread, one at a time, so that other requests continue and memory stays bounded."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from intake.http.limits import AT_ONCE

#: One thread for the process: each thread keeps memory that it has freed.
_THREAD = ThreadPoolExecutor(1, "large")
P = ParamSpec("P")
R = TypeVar("R")


class LargeBodies:
    """Gives large bodies their turns, for all requests of one process.

    A thread instead of a process: within the limits no step of the reading blocks the interpreter for more than about
    10 ms, the event loop runs between steps, and nothing has to be copied.
    """

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, body: bytes) -> AsyncIterator[None]:
        """Wait until no other large body is being read or stored; a small body does not wait.

        Reading a body takes several times its memory, so several large bodies at once would take too much.
        """
        if len(body) <= AT_ONCE:
            yield
            return
        async with self._one:
            yield


async def read(body: bytes, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return the result of a call that reads a body; the call runs in a thread when the body is large."""
    if len(body) <= AT_ONCE:
        return call(*args, **kwargs)
    return await in_thread(call, *args, **kwargs)


async def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return the result of a call that runs in the thread for large bodies, with the current ids of log lines."""
    run = partial(contextvars.copy_context().run, call, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_THREAD, run)
