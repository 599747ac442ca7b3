"""Holds as their page shows them: reason, time, changes on hold, and the steps that end the hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from console.pages import act_view
from console.pages.act_view import HoldSummary
from ops import holds
from ops.cause_words import held_title
from ops.holds import PlacedHold, placed_by_person
from queues.census import Census
from queues.figures import Figures, summed
from queues.holds import CONFIRMED, OF_KEY, Hold
from queues.snapshots.guard import GUARD
from scheduler.tick import PROBE_MS
from text.wording import duration, plural

_BY_PERSON: Final = "Ask the person who placed the hold"


@dataclass(frozen=True, slots=True)
class HoldLine:
    """A hold. `name`: of the audience, empty for a connection. `path`: before `/release`. `waits`: what it stops.

    `label`: what its release is called. `key`: the page of the connection's key, if another key ends the hold.
    """

    held: HoldSummary
    name: str
    path: str
    waits: str
    error_id: str
    label: str
    key: str


@dataclass(frozen=True, slots=True)
class HoldGroup:
    """Holds with one cause. `state`: bad if no person wanted them, else warn. `what`: what is held, in a few words."""

    title: str
    state: str
    what: str
    steps: list[str]
    lines: list[HoldLine]


def ordered(census: Census, confirmations: Mapping[str, int]) -> list[PlacedHold]:
    """Return the holds, those with one cause together; first those that no person wanted, and connections.

    `confirmations`: connection -> probes that found the cause there.
    """
    return sorted(holds.held(census, confirmations), key=_cause)


def _cause(each: PlacedHold) -> tuple[bool, bool, str, tuple[str, ...]]:
    by_person = placed_by_person(each.hold)
    is_queue = each.audience is not None
    return by_person, is_queue, "" if by_person else each.hold.reason, tuple(steps(each.hold, each.probes))


def groups(census: Census, every: Sequence[PlacedHold], shown: Iterable[PlacedHold]) -> list[HoldGroup]:
    """Return the shown holds, in their order: a group for each cause, which says how many of all have it."""
    by_cause = {cause: list(found) for cause, found in groupby(every, _cause)}
    return [_group(by_cause[cause], list(found), census) for cause, found in groupby(shown, _cause)]


def _group(alike: Sequence[PlacedHold], shown: Sequence[PlacedHold], census: Census) -> HoldGroup:
    first = alike[0]
    kind = "connection" if first.audience is None else "queue"
    names = (first.audience or first.on) if len(alike) == 1 else plural(len(alike), kind)
    return HoldGroup(
        held_title([each.hold for each in alike], names),
        "warn" if placed_by_person(first.hold) or first.hold.reason == GUARD else "bad",
        f"{kind.capitalize()} held" if len(alike) == 1 else f"{plural(len(alike), kind)} held",
        list(steps(first.hold, first.probes)),
        [_line(each, census) for each in shown],
    )


def _line(each: PlacedHold, census: Census) -> HoldLine:
    is_connection = each.audience is None
    return HoldLine(
        act_view.held(each.on, each.hold, census.at),
        each.audience or "",
        f"/{'connections' if is_connection else 'queues'}/{each.on}",
        waits(_figures(each, census)),
        each.hold.error_id,
        "Review…" if each.hold.reason == GUARD else "Check now…" if each.hold.probed else "Release…",
        f"/connections/{each.on}/key" if is_connection and each.hold.reason in OF_KEY else "",
    )


def _figures(each: PlacedHold, census: Census) -> Figures:
    if each.audience is None:
        return census.totals.of_connection(each.on)
    return summed(Figures.of(count) for count in census.queues if str(count.queue) == each.on)


def waits(figures: Figures) -> str:
    """Return how many changes of these queues are not settled, in words."""
    pending, opened = figures.pending, figures.open
    return f"{plural(pending, 'change')} pending, {plural(opened, 'change')} in batches in progress"


def steps(hold: Hold, probes: int) -> Iterator[str]:
    """Yield what to do, and what happens automatically."""
    yield f"{hold.resolve.rstrip('.') or _BY_PERSON}."
    if hold.reason == GUARD:
        yield "To review its numbers and carry it out, release it."
        return
    if hold.owned:
        yield "The hold ends automatically when this audience uses another list, or the other one leaves this list."
        yield "To let both audiences use the list, release it."
        return
    if not hold.probed:
        yield "Then release it: the hold does not end automatically."
        return
    found = f" {plural(probes, 'check')} so far found it still there." if probes else ""
    yield f"Ferry checks every {duration(PROBE_MS)} whether the cause is gone, and then ends the hold.{found}"
    yield "To check now, release it."
    if hold.reason in OF_KEY and probes >= CONFIRMED:
        yield "Until then Ferry tells mParticle to suspend the audiences: resume them in mParticle afterwards."
