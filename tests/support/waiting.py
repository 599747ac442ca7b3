"""Waiting for what other processes and threads bring about, and letting time pass between what a test does to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_LOOK_S = 0.01


def until(happened: Callable[[], bool], what: str = "what is waited for", seconds: float = 120.0) -> None:
    """Return when it has happened; fail with `what` when it has not after `seconds`, far more than it ever takes."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(_LOOK_S)


async def until_async(happened: Callable[[], bool], what: str = "what is waited for", seconds: float = 120.0) -> None:
    """The same in an event loop."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        await asyncio.sleep(_LOOK_S)


def apart(seconds: float) -> None:
    """Let time pass between two deeds of a test's own: a sender that is slow, a fault that lasts.

    No test waits so for what another process does: that takes as long as it takes.
    """
    time.sleep(seconds)


async def apart_async(seconds: float) -> None:
    """The same in an event loop."""
    await asyncio.sleep(seconds)
