"""`/dead/{connection}/{kind}/{target}/{letter}`: one dead letter, its history, and why it could not be delivered.

`…/confirm`: confirm that the profiles found by an erasure belong to the person.
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
from console.context import AppContext
from console.forms import see
from console.pages.dead_view import places
from console.pages.letter_ref import LetterRef
from console.target import queue_place
from ops import actions
from ops.dead_letters.reasons import meaning
from ops.dead_letters.view import LetterDocument, summary, traceable, whole
from ops.explain.timeline import timelines
from ops.explain.words import happened
from queues import audit, letter_scan, undecided_erasures
from queues.counts import QueueCount
from queues.dead_letters import DeadLetter
from queues.history import batches
from queues.history.outcomes import ChangeOutcome
from queues.history.traces import Traces
from text.wording import duration


@dataclass(frozen=True, slots=True)
class _Read:
    """What is read. `outcomes`: of its person's changes. `is_under_way`: the person is in a batch in progress."""

    letter: DeadLetter
    outcomes: Sequence[ChangeOutcome]
    is_under_way: bool


class LetterPage:
    """The page of one dead letter; only admins see the person."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, connection: str, kind: str, target: str, letter: str
    ) -> None:
        """Show the letter."""
        census = await self._context.census_of(f"{connection}/{kind}/{target}")
        place = queue_place(census, f"{connection}/{kind}/{target}")
        ref = _ref_of(f"{place.on}/{letter}")
        read = await self._context.run(_read, self._context.redis, ref)
        if read is None:
            raise _gone(ref)
        if personal := visitor(req).may(Role.ADMIN):
            await self._context.run(
                audit.note, self._context.redis, visitor(req).who, "persons read", place.on, letters=1
            )
        seen = view(read.letter, place.queues[0], read.outcomes, census.at, personal=personal)
        shown = {"seen": seen, "place": place, "stays": read.is_under_way}
        render.page(req, resp, "letter.html", **shown, acts=visitor(req).may(Role.OPERATOR), confirms=personal)


class ConfirmPage:
    """The confirmation that the profiles found by an erasure belong to its person.

    A letter never changes, so what was shown is what is confirmed.
    """

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Show what would be deleted."""
        ref, letter = await self._letter(**address)
        place = queue_place(await self._context.census_of(str(ref.queue)), str(ref.queue))
        seen = summary(letter, place.queues[0].name)
        stays = (await self._context.run(letter_scan.under_way, self._context.redis, [letter]))[0]
        render.page(req, resp, "confirm.html", seen=seen, ref=ref, place=place, stays=stays)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **address: str) -> None:
        """Carry out the erasure."""
        ref, letter = await self._letter(**address)
        await self._context.run(actions.confirm, self._context.redis, visitor(req).who, letter)
        self._context.changed()
        see(resp, f"/queues/{ref.queue}")

    async def _letter(self, connection: str, kind: str, target: str, letter: str) -> tuple[LetterRef, DeadLetter]:
        ref = _ref_of(f"{connection}/{kind}/{target}/{letter}")
        found = await self._context.run(_find, self._context.redis, ref)
        if found is None or found.reason != undecided_erasures.REASON:
            raise _gone(ref)
        return ref, found


def _gone(ref: LetterRef) -> falcon.HTTPNotFound:
    """Return the error for a letter that does not exist, or no longer."""
    return falcon.HTTPNotFound(
        title="No such dead letter",
        description=f"{ref.id} was replayed, purged, or overtaken by a later change of the same person.",
    )


def _ref_of(text: str) -> LetterRef:
    """Return the letter that an address names. Raises HTTPNotFound."""
    try:
        return LetterRef.parse(text)
    except ValueError as fault:
        raise falcon.HTTPNotFound(title="No such dead letter", description=f"{fault}.") from fault


def _find(redis: Redis, ref: LetterRef) -> DeadLetter | None:
    found = letter_scan.some(redis, [(ref.queue, ref.id)])
    return found[0] if found else None


def _read(redis: Redis, ref: LetterRef) -> _Read | None:
    if (letter := _find(redis, ref)) is None:
        return None
    outcomes = batches.of_person(redis, ref.queue, letter.change.keys[:1])
    return _Read(letter, outcomes, *letter_scan.under_way(redis, [letter]))


@dataclass(frozen=True, slots=True)
class LetterView:
    """A letter. `told`: see ops/dead_letters/view.py. `events`: what happened to the change, as ms and words.

    `person`, `detail`: as JSON for users who may see them, else empty.
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


def view(
    letter: DeadLetter, count: QueueCount, outcomes: Sequence[ChangeOutcome], now: int, *, personal: bool
) -> LetterView:
    """Return what to show. `outcomes`: of its person; `personal`: with the person and the details of the fault."""
    shown = (whole if personal else traceable)(letter, count.name)
    return LetterView(
        ref=str(LetterRef.of(letter)),
        id=letter.id,
        at=letter.at,
        ago=duration(now - letter.at),
        meaning=meaning(letter.reason),
        where=places(shown.where.items()),
        told=shown,
        events=_events(letter, outcomes),
        person=_pretty(shown.person) if personal else "",
        detail=_pretty(shown.detail) if personal else "",
    )


def _events(letter: DeadLetter, outcomes: Sequence[ChangeOutcome]) -> list[tuple[int, str]]:
    traces = Traces(frozenset(letter.change.keys), letters=(letter,), outcomes=tuple(outcomes))
    return [event for each in timelines(traces) if each.letter for event in happened(each, [each])]


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
