"""A small memory of what was done a moment ago, so that it need not be done for every message."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

#: Entries kept. A process sees few accounts and some thousand audiences.
MOST = 10_000
#: Seconds an entry holds. What is remembered is then written once more, so that what another process wrote
#: meanwhile, or an emptied Redis, is put right within this time.
HOLDS = 300.0


class Recent(Generic[K, V]):
    """A bounded mapping whose entries are forgotten after a while, the oldest first when it is full."""

    def __init__(self, most: int = MOST, holds: float = HOLDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._holds = holds
        self._clock = clock
        self._entries: dict[K, tuple[float, V]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The value put under the key, None when there is none or it is too old."""
        entry = self._entries.get(key)
        if entry is None or entry[0] < self._clock():
            return None
        return entry[1]

    def put(self, key: K, value: V) -> None:
        """Remember the value from now on."""
        self._entries.pop(key, None)
        while len(self._entries) >= self._most:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (self._clock() + self._holds, value)
