"""The time in the unit of the ledger, ms."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Return the milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000
