"""Large bodies are read in a thread, one at a time, so that the other requests go on and memory stays bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from intake.limits import AT_ONCE

P = ParamSpec("P")
R = TypeVar("R")


class Large:
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
    return await asyncio.to_thread(call, *args, **kwargs)
