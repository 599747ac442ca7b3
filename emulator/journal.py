"""Records the calls to the emulator and the traps that they hit, for tests."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

log = logging.getLogger(__name__)

MAX_ENTRIES = 20_000
MAX_BODY_BYTES = 256 * 1024
MAX_KEPT_BYTES = 64 * 1024 * 1024


class Entry(msgspec.Struct, frozen=True):
    """One call. `at`: its arrival in monotonic seconds; `status` None: not answered; `fault`: the fault played."""

    n: int
    method: str
    path: str
    query: Mapping[str, Any]
    raw: bytes | None
    status: int | None
    at: float
    fault: str | None


class Trap(msgspec.Struct, frozen=True):
    """A call named a list that the profile was not on, so Klaviyo unsubscribed it from everything.

    `at`: epoch seconds; `channels`: such as `email.marketing`.
    """

    at: float
    profile_id: str
    list_id: str
    channels: tuple[str, ...]


class Journal:
    """The latest calls, up to 20,000 of them and 64 MB of bodies; numbers start at 1.

    Bodies over 256 KB are kept only while `record` is on.
    """

    def __init__(self) -> None:
        self.record = False
        self.traps: deque[Trap] = deque(maxlen=MAX_ENTRIES)
        self._entries: deque[Entry] = deque()
        self._last = 0
        self._kept = 0

    def add(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: bytes,
        *,
        status: int | None,
        at: float,
        fault: str | None,
    ) -> None:
        """Record a call, and remove the oldest ones beyond the limits."""
        self._last += 1
        raw = body if body and (self.record or len(body) <= MAX_BODY_BYTES) else None
        self._entries.append(Entry(self._last, method, path, query, raw, status, at, fault))
        self._kept += len(raw or b"")
        while len(self._entries) > MAX_ENTRIES or self._kept > MAX_KEPT_BYTES:
            self._kept -= len(self._entries.popleft().raw or b"")

    def note_trap(self, trap: Trap) -> None:
        """Record a trap and log a warning."""
        self.traps.append(trap)
        log.warning(
            "TRAP: profile %s is not on list %s, so this call unsubscribed it from everything (%s); "
            "look up the members of the list before unsubscribing people from it",
            trap.profile_id,
            trap.list_id,
            ", ".join(trap.channels),
        )

    def since(self, number: int, *, bodies: bool) -> list[dict[str, Any]]:
        """Return the calls after `number`, oldest first; a body that is not kept or not JSON is None."""
        return [_shown(entry, bodies) for entry in self._entries if entry.n > number]


def _shown(entry: Entry, bodies: bool) -> dict[str, Any]:
    shown = msgspec.structs.asdict(entry)
    raw = shown.pop("raw")
    return {**shown, "body": _json(raw) if bodies and raw else None}


def _json(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
