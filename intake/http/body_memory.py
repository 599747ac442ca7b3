"""Divides the memory that a process has for bodies, so that no sender takes the room of another.

When there is no room, an unfinished body gives way: the oldest one of the owner that holds the most. A normal body
arrives quickly; a slow or endless one is always older. Refusing the new body instead would let four endless bodies
shut out all senders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class Full(Exception):
    """There is no room, and no body can give way."""


class RequestBody:
    """A body of one request. `owner`: its sender, or the peer of a body without a token.

    `since`: loop time at which the body, or its current piece, began. `scope`: of its request; the peer is read from it
    only when it must be logged, because that is expensive. `size`: bytes held. `waits`: the task that waits for more of
    the body, which is cancelled when it gives way. `gone`: whether it is no longer counted.
    """

    __slots__ = ("gone", "owner", "scope", "since", "size", "waits")

    def __init__(self, owner: str, since: float, scope: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.owner = owner
        self.since = since
        self.scope = scope
        self.size = 0
        self.waits: asyncio.Task[Any] | None = None
        self.gone = False


class _Owner:
    __slots__ = ("bodies", "size")

    def __init__(self) -> None:
        self.size = 0
        self.bodies: set[RequestBody] = set()


class BodyMemory:
    """The bodies of one process with a token, or those without one: each kind has its own memory.

    `total`: bytes for all; `share`: bytes for one owner; `unfinished`: most unfinished bodies of one owner.
    """

    def __init__(self, total: int, share: int, unfinished: int) -> None:
        self._total = total
        self._share = share
        self._unfinished = unfinished
        self._owners: dict[str, _Owner] = {}
        self.held = 0

    def begin(self, body: RequestBody) -> RequestBody | None:
        """Add a body; return the one that gives way for it, when its owner has too many unfinished ones."""
        owner = self._owners.get(body.owner)
        if owner is None:
            owner = self._owners[body.owner] = _Owner()
        gone = None
        if len(owner.bodies) >= self._unfinished:
            waiting = _waiting(owner)
            gone = self._dismissed(waiting) if len(waiting) >= self._unfinished else None
            self._owners[body.owner] = owner  # it was removed if its only body gave way
        owner.bodies.add(body)
        return gone

    def take(self, body: RequestBody, size: int) -> list[RequestBody]:
        """Count `size` more bytes for a body; return the bodies that gave way. Raises Full, and counts nothing then."""
        owner = self._owners[body.owner]
        gone = self._made_room(owner, size) if owner.size + size > self._share or self.held + size > self._total else []
        body.size += size
        owner.size += size
        self.held += size
        return gone

    def _made_room(self, owner: _Owner, size: int) -> list[RequestBody]:
        gone: list[RequestBody] = []
        while owner.size + size > self._share:
            gone.append(self._dismissed(_waiting(owner)))
        while self.held + size > self._total:
            gone.append(self._dismissed(self._of_the_heaviest(owner, owner.size + size)))
        return gone

    def give(self, body: RequestBody, size: int) -> None:
        """Release `size` bytes of a body."""
        if not body.gone:
            body.size -= size
            self._owners[body.owner].size -= size
            self.held -= size

    def end(self, body: RequestBody) -> None:
        """Release all of a body."""
        if body.gone:
            return
        owner = self._owners[body.owner]
        owner.size -= body.size
        self.held -= body.size
        body.size = 0
        owner.bodies.discard(body)
        if not owner.bodies:
            del self._owners[body.owner]
        body.gone = True

    def _of_the_heaviest(self, asks: _Owner, size: int) -> list[RequestBody]:
        """Return the unfinished bodies of the owner that holds the most; none when `asks` would hold more (`size`)."""
        heavy = max((owner for owner in self._owners.values() if _waiting(owner)), key=_size, default=None)
        return _waiting(heavy) if heavy is not None and (heavy is asks or heavy.size >= size) else []

    def _dismissed(self, waiting: list[RequestBody]) -> RequestBody:
        if not waiting:
            raise Full
        oldest = min(waiting, key=_since)
        if oldest.waits is not None:
            oldest.waits.cancel()
        self.end(oldest)
        return oldest


def _waiting(owner: _Owner) -> list[RequestBody]:
    return [body for body in owner.bodies if body.waits is not None]


def _size(owner: _Owner) -> int:
    return owner.size


def _since(body: RequestBody) -> float:
    return body.since
