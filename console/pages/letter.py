"""`/dead/{connection}/{kind}/{target}/{letter}`: what was to be done, when, and why it could not be.

One dead letter as its page shows it. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import Role, visitor
from console.context import Desk
from console.pages.dead_view import places
from console.pages.letter_ref import Ref
from console.target import queue_place
from ops.dead_letters.reasons import meaning
from ops.dead_letters.view import LetterDocument, traceable, whole
from ops.explain.timeline import episodes
from ops.explain.words import happened
from queues import audit, letters
from queues.counts import QueueCount
from queues.dead_letters import DeadLetter
from queues.history import batches
from queues.history.outcomes import Told
from queues.history.traces import Traces
from text.wording import span


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
    told = batches.of_person(redis, ref.queue, found[0].change.keys[:1])
    return _Read(found[0], told, *letters.under_way(redis, found))


@dataclass(frozen=True, slots=True)
class Letter:
    """`told`: ops/dead_letters/view.py. `events`: what happened to the change, as ms and words.

    `person`, `detail`: as JSON for whoever may see them, else empty.
    """

    ref: str
    id: str
    at: int
    ago: str
    meaning: str
    where: str
    told: LetterDocument
    events: list[tuple[int, str]]
    person: str
    detail: str


def view(letter: DeadLetter, count: QueueCount, told: Sequence[Told], now: int, *, personal: bool) -> Letter:
    """What to show. `told`: of its person; `personal`: with the person, and what Klaviyo said."""
    shown = (whole if personal else traceable)(letter, count.name)
    return Letter(
        ref=str(Ref.of(letter)),
        id=letter.id,
        at=letter.at,
        ago=span(now - letter.at),
        meaning=meaning(letter.reason),
        where=places(shown.where.items()),
        told=shown,
        events=_events(letter, told),
        person=_pretty(shown.person) if personal else "",
        detail=_pretty(shown.detail) if personal else "",
    )


def _events(letter: DeadLetter, told: Sequence[Told]) -> list[tuple[int, str]]:
    traces = Traces(frozenset(letter.change.keys), letters=(letter,), told=tuple(told))
    return [event for each in episodes(traces) if each.letter for event in happened(each, [each])]


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
