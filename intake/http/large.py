"""Large bodies are read in a thread, one at a time, so that the other requests go on and memory stays bounded."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from intake.http.limits import AT_ONCE

#: One for the process: each thread keeps what it freed of the memory that it once took.
_THREAD = ThreadPoolExecutor(1, "large")
P = ParamSpec("P")
R = TypeVar("R")


class LargeBodies:
    """For all requests of one process.

    A thread and not a process: no step of the reading that the limits allow keeps the interpreter for more than some
    ten ms, between two of them the event loop has its turn, and nothing has to be copied.
    """

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, body: bytes) -> AsyncIterator[None]:
        """Wait until no other large body is in hand, from its reading until the ledger has it; a small one need not.

        What is made of a body takes several times its memory, and several at once would each take as much.
        """
        if len(body) <= AT_ONCE:
            yield
            return
        async with self._one:
            yield


async def read(body: bytes, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What a call makes of a body, and raises; in a thread where the body is large."""
    if len(body) <= AT_ONCE:
        return call(*args, **kwargs)
    return await in_thread(call, *args, **kwargs)


async def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What a call returns and raises, in the thread for large bodies, with the ids that a line of the log has here."""
    run = partial(contextvars.copy_context().run, call, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_THREAD, run)
