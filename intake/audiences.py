"""What this process has told the ledger about audiences, so that it need not be told with every message.

A small memory of what was done a moment ago, so that it need not be done for every message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, TypeVar

import msgspec

from intake.mparticle.settings import LIST_ID, LISTS
from queues.acceptance import LISTS_STAY, Acceptance, AcceptResult
from queues.names import Queue

K = TypeVar("K")
V = TypeVar("V")

#: Entries kept. A process sees few accounts and some thousand audiences.
MOST = 10_000
#: Seconds an entry holds. What is remembered is then written once more, so that what another process wrote
#: meanwhile, or an emptied Redis, is put right within this time.
HOLDS = 300.0


class TTLCache(Generic[K, V]):
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


#: Bytes of the largest that is kept in memory; a larger one is told every time.
_LARGEST: Final = 4_096
#: Seconds for which the ledger is taken to know what it was told. Short, for a Redis that lost its last second, or
#: everything, would have the audience delivered without its name; once in so long, telling costs nothing.
_TRUSTED: Final = 10.0

_encoder = msgspec.json.Encoder()


def facts(name: str, settings: Mapping[str, str], action: str = "") -> bytes:
    """JSON to remember of an audience: `name`, `settings`, and `action` when there is one."""
    known: dict[str, object] = {"name": name, "settings": settings}
    if action:
        known["action"] = action
    return _encoder.encode(known)


def without_lists(
    name: str, settings: Mapping[str, str], ignored: dict[Queue, dict[str, str]], queue: Queue, action: str = ""
) -> bytes:
    """The same where what the message says of lists does not count: what is known of them stays.

    `ignored`: takes what was left out for this queue. The id that Ferry gave the CDP is no attempt at anything.
    """
    if left_out := {key: text for key, text in settings.items() if key in LISTS and key != LIST_ID and text.strip()}:
        ignored[queue] = left_out
    kept = {key: text for key, text in settings.items() if key not in LISTS}
    return LISTS_STAY + facts(name, kept, action)


class Audiences:
    """Tells what is news to the ledger."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds."""
        self._told: TTLCache[Queue, bytes] = TTLCache(holds=_TRUSTED, clock=clock)

    def news(self, queue: Queue, audience: bytes) -> bytes:
        """`audience`, or empty when it is what was told last."""
        return b"" if self._told.get(queue) == audience else audience

    def remember(self, acceptances: Iterable[Acceptance]) -> None:
        """These were written down."""
        for acceptance in acceptances:
            if 0 < len(acceptance.audience) <= _LARGEST:
                self._told.put(acceptance.queue, acceptance.audience)


def written(acceptances: Iterable[Acceptance], answers: Iterable[AcceptResult]) -> list[Acceptance]:
    """Those of which something was written: of a message seen before, nothing is."""
    return [acceptance for acceptance, answer in zip(acceptances, answers, strict=True) if answer.fresh]
