"""Waiting for what other processes and threads bring about."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(happened: Callable[[], bool], what: str = "what is waited for", seconds: float = 120.0) -> None:
    """Return when it has happened; fail with `what` when it has not after `seconds`, far more than it ever takes."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)
