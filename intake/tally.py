"""Counts what happens again and again, so that the log says it now and then and not for every request."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable


class Tally:
    """Counts by kind; says what it counted at once, and then no more than once in `every` seconds."""

    def __init__(self, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._next = float("-inf")

    def count(self, kind: str) -> str:
        """One more of this kind; such as "3 of this, 1 of that" when it is time to say it, else empty."""
        self._counts[kind] += 1
        now = self._clock()
        if now < self._next:
            return ""
        self._next = now + self._every
        counted = ", ".join(f"{number} {name}" for name, number in sorted(self._counts.items()))
        self._counts.clear()
        return counted
