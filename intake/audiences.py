"""A memory of the audience facts that this process wrote lately, so that it need not write them with every message."""

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
#: Seconds an entry is kept. After that the value is written again, which corrects what another process wrote meanwhile,
#: and an emptied Redis.
HOLDS = 300.0


class TTLCache(Generic[K, V]):
    """A bounded mapping whose entries expire; when it is full, the oldest entry is dropped first."""

    def __init__(self, most: int = MOST, holds: float = HOLDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._holds = holds
        self._clock = clock
        self._entries: dict[K, tuple[float, V]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Return the value of the key; None when there is none or it has expired."""
        entry = self._entries.get(key)
        if entry is None or entry[0] < self._clock():
            return None
        return entry[1]

    def put(self, key: K, value: V) -> None:
        """Store the value; its time starts now."""
        self._entries.pop(key, None)
        while len(self._entries) >= self._most:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (self._clock() + self._holds, value)


#: Bytes of the largest facts that are remembered; larger ones are written every time.
_LARGEST: Final = 1_024
#: Seconds for which the ledger is assumed to have the facts. Short, because a Redis that lost its last second, or
#: everything, would deliver the audience without its name; writing this rarely costs nearly nothing.
_TRUSTED: Final = 10.0

_encoder = msgspec.json.Encoder()


def facts(name: str, settings: Mapping[str, str], action: str = "") -> bytes:
    """Return the JSON to remember of an audience: `name`, `settings`, and `action` when there is one."""
    known: dict[str, object] = {"name": name, "settings": settings}
    if action:
        known["action"] = action
    return _encoder.encode(known)


def without_lists(
    name: str, settings: Mapping[str, str], ignored: dict[Queue, dict[str, str]], queue: Queue, action: str = ""
) -> bytes:
    """Return the same without the message's list settings, which do not count: the known ones stay.

    `ignored`: collects the settings that were left out for this queue. The list id that Ferry itself gave the CDP is
    not collected.
    """
    if left_out := {key: text for key, text in settings.items() if key in LISTS and key != LIST_ID and text.strip()}:
        ignored[queue] = left_out
    kept = {key: text for key, text in settings.items() if key not in LISTS}
    return LISTS_STAY + facts(name, kept, action)


class Audiences:
    """Finds the audience facts that the ledger does not have yet."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds."""
        self._written: TTLCache[Queue, bytes] = TTLCache(holds=_TRUSTED, clock=clock)

    def news(self, queue: Queue, audience: bytes) -> bytes:
        """Return `audience`; empty when it equals what was written last."""
        return b"" if self._written.get(queue) == audience else audience

    def remember(self, acceptances: Iterable[Acceptance]) -> None:
        """Remember the facts of acceptances that were written."""
        for acceptance in acceptances:
            if 0 < len(acceptance.audience) <= _LARGEST:
                self._written.put(acceptance.queue, acceptance.audience)


def written(acceptances: Iterable[Acceptance], answers: Iterable[AcceptResult]) -> list[Acceptance]:
    """Return the acceptances that were written; those of a repeated message were not."""
    return [acceptance for acceptance, answer in zip(acceptances, answers, strict=True) if answer.fresh]
