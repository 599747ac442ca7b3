"""Who may hold how much of a process' memory with bodies, so that no sender takes the room of another.

A body that has not come whole gives way when somebody else needs its room: the oldest one of whoever holds the most.
An honest body is there for a moment; one that is sent slowly, or never ends, is always older. Refusing the newcomer
instead would let four bodies that never end shut out everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class Full(Exception):
    """There is no room, and nobody who could give way."""


class RequestBody:
    """A body of one request. `owner`: its sender, or the peer of a body that shows no token.

    `since`: loop time at which it, or the piece in hand, began. `scope`: of its request, from which its peer is found
    out where somebody has to be named: that costs more than all else. `size`: bytes held. `waits`: the task that waits
    for more of it, which is cancelled when it gives way. `gone`: nothing of it is counted any more.
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
    """The bodies of one process that show a token, or of those that show none: each kind has a room of its own.

    `total`: bytes for all; `share`: bytes for one owner; `unfinished`: bodies of one owner that are waited for.
    """

    def __init__(self, total: int, share: int, unfinished: int) -> None:
        self._total = total
        self._share = share
        self._unfinished = unfinished
        self._owners: dict[str, _Owner] = {}
        self.held = 0

    def begin(self, body: RequestBody) -> RequestBody | None:
        """A body begins; the one that gives way for it, when its owner has too many that do not come to their end."""
        owner = self._owners.get(body.owner)
        if owner is None:
            owner = self._owners[body.owner] = _Owner()
        gone = None
        if len(owner.bodies) >= self._unfinished:
            waiting = _waiting(owner)
            gone = self._dismissed(waiting) if len(waiting) >= self._unfinished else None
            self._owners[body.owner] = owner  # whose only body may have gone
        owner.bodies.add(body)
        return gone

    def take(self, body: RequestBody, size: int) -> list[RequestBody]:
        """So many bytes more are held by a body; those that gave way. Raises Full, and nothing is taken."""
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
        """So many bytes are held no longer."""
        if not body.gone:
            body.size -= size
            self._owners[body.owner].size -= size
            self.held -= size

    def end(self, body: RequestBody) -> None:
        """Nothing of a body is held any longer."""
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
        """Bodies of whoever holds the most, unless whoever asks for room would hold more (`size`) than they do."""
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
