"""Waiting for what other processes and threads bring about, and letting time pass between what a test does to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


def until(happened: Callable[[], bool], what: str = "what is waited for", seconds: float = 120.0) -> None:
    """Return when it has happened; fail with `what` when it has not after `seconds`, far more than it ever takes."""
    began = time.monotonic()
    while not happened():
        waited = time.monotonic() - began
        assert waited < seconds, f"{what}: not within {seconds} s"
        time.sleep(_pause(waited))


async def until_async(happened: Callable[[], bool], what: str = "what is waited for", seconds: float = 120.0) -> None:
    """The same in an event loop."""
    began = time.monotonic()
    while not happened():
        waited = time.monotonic() - began
        assert waited < seconds, f"{what}: not within {seconds} s"
        await asyncio.sleep(_pause(waited))


def _pause(waited: float) -> float:
    """Seconds until the next look: looking keeps the processor from what is waited for."""
    return min(max(0.01, waited / 20), 0.1)


def apart(seconds: float) -> None:
    """Let time pass between two deeds of a test's own: a sender that is slow, a fault that lasts.

    No test waits so for what another process does: that takes as long as it takes.
    """
    time.sleep(seconds)


async def apart_async(seconds: float) -> None:
    """The same in an event loop."""
    await asyncio.sleep(seconds)
