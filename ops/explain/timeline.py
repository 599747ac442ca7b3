"""The timeline of each change of a person, from the traces. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from msgspec import Raw

from queues.change import Action, Body, Change
from queues.dead_letters import DeadLetter
from queues.history.outcomes import ChangeOutcome
from queues.history.settled import named
from queues.history.traces import OpenChange, PendingChange, Traces

Place = TypeVar("Place")
_NOTHING = Raw(b"null")


class _Name(NamedTuple):
    """The facts by which a change is recognised in every place. `again`: the number of equal changes before it."""

    accepted_at: int
    at: int
    action: Action
    source: str
    message: str
    keys: tuple[str, ...]
    again: int


@dataclass(frozen=True, slots=True)
class ChangeTimeline:
    """A change and its history. `number`: from 1, by which others refer to it; times in ms.

    `outcomes`: one for each batch that it was in, several if it was replayed. `waiting`, `open`, `letter`: where it is.
    """

    number: int
    accepted_at: int
    at: int
    action: Action
    source: str
    message: str
    outcomes: tuple[ChangeOutcome, ...] = ()
    waiting: PendingChange | None = None
    open: OpenChange | None = None
    letter: DeadLetter | None = None

    @property
    def change(self) -> Change | None:
        """Return the change as the CDP sent it; None if it is no longer kept."""
        held = self.waiting or self.open or self.letter
        return held.change if held else None

    @property
    def state(self) -> str:
        """Return its state: waiting, open, dead, delivered, imported or superseded.

        `gone`: it was a dead letter that is no longer kept.
        """
        for state, holds in (("waiting", self.waiting), ("open", self.open), ("dead", self.letter)):
            if holds:
                return state
        outcome = self.outcomes[-1].outcome
        return "gone" if outcome == "dead" else outcome


def timelines(traces: Traces) -> list[ChangeTimeline]:
    """Return a timeline for each change, in the order of acceptance."""
    waiting = dict(_named((each.change, "", each) for each in traces.waiting))
    opened = dict(_named((each.change, each.batch, each) for each in traces.open))
    letters = dict(_named((each.change, "", each) for each in traces.letters))
    ended: dict[_Name, list[ChangeOutcome]] = {}
    for name, each in _named((_change(each), each.batch.id, each) for each in traces.outcomes):
        ended.setdefault(name, []).append(each)
    names = sorted({*waiting, *opened, *letters, *ended})
    return [
        ChangeTimeline(
            number,
            name.accepted_at,
            name.at,
            name.action,
            name.source,
            name.message,
            tuple(ended.get(name, ())),
            waiting.get(name),
            opened.get(name),
            letters.get(name),
        )
        for number, name in enumerate(names, 1)
    ]


def _change(ended: ChangeOutcome) -> Change:
    body = Body(ended.action, ended.at, ended.source, ended.message, _NOTHING)
    return Change(ended.keys, ended.accepted_at, body)


def _named(found: Iterable[tuple[Change, str, Place]]) -> Iterator[tuple[_Name, Place]]:
    """Yield each change under its name; equal changes of one message may be in one batch, and are counted."""
    seen: Counter[tuple[object, ...]] = Counter()
    for change, where, place in found:
        body = change.body
        facts = (change.accepted_at, body.at, body.action, body.source, named(body.message), change.keys)
        yield _Name(*facts, seen[facts, where]), place
        seen[facts, where] += 1
