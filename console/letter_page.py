"""`/dead/{connection}/{kind}/{target}/{letter}`: what was to be done, when, and why it could not be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.access import Role, visitor
from console.desk import Desk
from console.letter_ref import Ref
from console.place import queue_place
from console.view_letter import view
from queues import audit, history, letters
from queues.dead_letters import DeadLetter
from queues.telling import Told


@dataclass(frozen=True, slots=True)
class _Read:
    """`told`: of its person, what became of all that was settled. `is_under_way`: the person is in an open batch."""

    letter: DeadLetter
    told: Sequence[Told]
    is_under_way: bool


class LetterPage:
    """One dead letter; the person in it stands there for admins alone."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_get(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str, kind: str, target: str, letter: str
    ) -> None:
        """The letter."""
        census = await self._desk.census()
        place = queue_place(census, f"{connection}/{kind}/{target}")
        ref = ref_of(f"{place.on}/{letter}")
        read = await self._desk.run(_read, self._desk.redis, ref)
        if read is None:
            raise gone(ref)
        if personal := visitor(req).may(Role.ADMIN):
            await self._desk.run(audit.note, self._desk.redis, visitor(req).who, "persons read", place.on, letters=1)
        seen = view(read.letter, place.queues[0], read.told, census.at, personal=personal)
        shown = {"seen": seen, "place": place, "stays": read.is_under_way}
        render.page(req, resp, "letter.html", **shown, acts=visitor(req).may(Role.OPERATOR), confirms=personal)


def gone(ref: Ref) -> falcon.HTTPNotFound:
    """There is no such letter, or not any more."""
    return falcon.HTTPNotFound(
        title="No such dead letter",
        description=f"{ref.id} was replayed, purged, or overtaken by a later change of the same person.",
    )


def ref_of(text: str) -> Ref:
    """The letter that an address names. Raises HTTPNotFound."""
    try:
        return Ref.parse(text)
    except ValueError as fault:
        raise falcon.HTTPNotFound(title="No such dead letter", description=f"{fault}.") from fault


def _read(redis: Redis, ref: Ref) -> _Read | None:
    found = letters.some(redis, [(ref.queue, ref.id)])
    if not found:
        return None
    told = history.of_person(redis, ref.queue, found[0].change.keys[:1])
    return _Read(found[0], told, *letters.under_way(redis, found))
