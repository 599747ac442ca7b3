"""Holds as their page shows them: reason, time, changes on hold, and the steps that end the hold. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from console.pages import act_view
from console.pages.act_view import HoldSummary
from ops import holds
from ops.holds import placed_by_person
from queues.census import Census
from queues.figures import Figures, summed
from queues.holds import CONFIRMED, OF_KEY, Hold
from queues.snapshots.guard import GUARD
from scheduler.tick import PROBE_MS
from text.wording import plural, span

_BY_PERSON: Final = "Ask the person who placed the hold"


@dataclass(frozen=True, slots=True)
class HoldLine:
    """A hold. `name`: of the audience, empty for a connection. `path`: before `/release`. `waits`: what it stops.

    `state`: bad if no person wanted it, else warn. `label`: what its release is called.
    """

    held: HoldSummary
    name: str
    path: str
    waits: str
    steps: list[str]
    error_id: str
    state: str
    label: str


def lines(census: Census, confirmations: Mapping[str, int]) -> list[HoldLine]:
    """Return the holds: connections, then queues. `confirmations`: connection -> probes that found the cause there."""
    return [_line(each, census) for each in holds.held(census, confirmations)]


def _line(each: holds.PlacedHold, census: Census) -> HoldLine:
    is_connection = each.audience is None
    return HoldLine(
        act_view.held(each.on, each.hold, census.at),
        each.audience or "",
        f"/{'connections' if is_connection else 'queues'}/{each.on}",
        waits(_figures(each, census)),
        list(steps(each.hold, each.probes)),
        each.hold.error_id,
        "warn" if placed_by_person(each.hold) or each.hold.reason == GUARD else "bad",
        "Review…" if each.hold.reason == GUARD else "Check now…" if each.hold.probed else "Release…",
    )


def _figures(each: holds.PlacedHold, census: Census) -> Figures:
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
    yield f"Ferry checks every {span(PROBE_MS)} whether the cause is gone, and then ends the hold.{found}"
    yield "To check now, release it."
    if hold.reason in OF_KEY and probes >= CONFIRMED:
        yield "Until then Ferry tells mParticle to suspend the audiences: resume them in mParticle afterwards."
