"""One dead letter as its page shows it. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console.letter_ref import Ref
from console.view_dead import places
from ops.episodes import episodes
from ops.explain_words import happened
from ops.letter_reasons import meaning
from ops.letter_view import traceable, whole
from queues.counts import QueueCount
from queues.dead_letters import DeadLetter
from queues.telling import Told
from queues.traces import Traces
from wording import span


@dataclass(frozen=True, slots=True)
class Letter:
    """`told`: ops/letter_view.py. `events`: what happened to the change, as ms and words.

    `person`, `detail`: as JSON for whoever may see them, else empty.
    """

    ref: str
    id: str
    at: int
    ago: str
    meaning: str
    where: str
    told: dict[str, Any]
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
        where=places(shown["where"].items()),
        told=shown,
        events=_events(letter, told),
        person=_pretty(shown["person"]) if personal else "",
        detail=_pretty(shown["detail"]) if personal else "",
    )


def _events(letter: DeadLetter, told: Sequence[Told]) -> list[tuple[int, str]]:
    traces = Traces(frozenset(letter.change.keys), letters=(letter,), told=tuple(told))
    return [event for each in episodes(traces) if each.letter for event in happened(each, [each])]


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
