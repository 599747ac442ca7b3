"""Klaviyo's published rate limits: fixed windows of a second, a minute and (for creating lists) a day.

Plain counters: the in-memory storage of the `limits` library starts a thread per hit and has no settable clock.
"""

from __future__ import annotations

import math

import msgspec

from emulator.errors import throttled

SECOND, MINUTE, DAY = 1, 60, 86_400


class Quota(msgspec.Struct, frozen=True):
    """Calls per second, per minute and, if there is such a limit, per day."""

    burst: int
    steady: int
    daily: int | None = None

    def windows(self, scale: float) -> list[tuple[int, int]]:
        """Return (calls, seconds) of each window; any scale keeps at least one call."""
        pairs = [(self.burst, SECOND), (self.steady, MINUTE)]
        if self.daily is not None:
            pairs.append((self.daily, DAY))
        return [(max(1, int(calls * scale)), seconds) for calls, seconds in pairs]


class Limits:
    """Counts calls per (quota group, operation) in windows aligned to the clock."""

    def __init__(self, *, off: bool = False) -> None:
        self.scale = 1.0
        self.off = off
        self._counts: dict[tuple[str, str, int], tuple[int, int]] = {}

    def take(self, group: str, operation: str, quota: Quota, now: float) -> dict[str, str]:
        """Count one call and return its RateLimit headers; raises `ApiError` 429 without counting the call."""
        windows = quota.windows(self.scale)
        used = [self._used(group, operation, seconds, now) for _, seconds in windows]
        spent = [s for (calls, s), count in zip(windows, used, strict=True) if count >= calls]
        if spent and not self.off:
            raise throttled(max(math.ceil(_left(s, now)) for s in spent))
        for (_, seconds), count in zip(windows, used, strict=True):
            self._counts[group, operation, seconds] = (int(now // seconds), count + 1)
        return _headers(windows, used[0] + 1, now)

    def _used(self, group: str, operation: str, seconds: int, now: float) -> int:
        window, count = self._counts.get((group, operation, seconds), (-1, 0))
        return count if window == int(now // seconds) else 0


def _left(seconds: int, now: float) -> float:
    return seconds - now % seconds


def _headers(windows: list[tuple[int, int]], used: int, now: float) -> dict[str, str]:
    """Return Klaviyo's headers; the first number of Limit, Remaining and Reset describe the one-second window."""
    parts = [str(windows[0][0]), *(f"{calls};w={seconds}" for calls, seconds in windows)]
    return {
        "RateLimit-Limit": ", ".join(parts),
        "RateLimit-Remaining": str(max(0, windows[0][0] - used)),
        "RateLimit-Reset": str(int(_left(SECOND, now))),
    }
