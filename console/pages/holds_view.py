"""Every hold as its page shows it: why, since when, what waits behind it, and what ends it, step by step. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from console.pages import act_view
from console.pages.act_view import HoldSummary
from ops import holds
from queues.census import Census
from queues.counts import QueueCount
from queues.holds import CONFIRMED, OF_KEY, Hold
from queues.snapshots.guard import GUARD
from scheduler.tick import PROBE_MS
from text.wording import plural, span

_BY_PERSON: Final = "Whoever held it has given the reason above: wait for them, or ask them"


@dataclass(frozen=True, slots=True)
class HoldLine:
    """`name`: of the audience, empty of a connection. `path`: below which it is released. `waits`: what it stops."""

    held: HoldSummary
    name: str
    path: str
    waits: str
    steps: list[str]
    error_id: str


def lines(census: Census, confirmations: Mapping[str, int]) -> list[HoldLine]:
    """Connections first, then queues. `confirmations`: held connection -> probes that found the cause still there."""
    return [_line(each, census) for each in holds.held(census, confirmations)]


def _line(each: holds.PlacedHold, census: Census) -> HoldLine:
    is_connection = each.audience is None
    return HoldLine(
        act_view.held(each.on, each.hold, census.at),
        each.audience or "",
        f"/{'connections' if is_connection else 'queues'}/{each.on}",
        waits([count for count in census.queues if each.on in (str(count.queue), count.queue.connection)]),
        list(steps(each.hold, each.probes)),
        each.hold.error_id,
    )


def waits(counts: list[QueueCount]) -> str:
    """What is in these queues and not settled."""
    pending, opened = sum(count.waiting.pending for count in counts), sum(count.open for count in counts)
    return f"{plural(pending, 'change')} pending, {plural(opened, 'change')} in open batches"


def steps(hold: Hold, probes: int) -> Iterator[str]:
    """What is to be done, and what happens by itself."""
    yield f"{hold.resolve.rstrip('.') or _BY_PERSON}."
    if hold.reason == GUARD:
        yield "To see its numbers, and have it carried out: release it."
        return
    if hold.owned:
        yield "It goes on by itself when it leads to another list, or the other audience keeps this one no longer."
        yield "To let both use the list: release it."
        return
    if not hold.probed:
        yield "Then release it: it does not end by itself."
        return
    found = f" {plural(probes, 'try', 'tries')} so far found it still there." if probes else ""
    yield f"Ferry tries every {span(PROBE_MS)} whether the cause is gone, and lets it go on then.{found}"
    yield "To have that looked at now: release it."
    if hold.reason in OF_KEY and probes >= CONFIRMED:
        yield "mParticle is told to suspend its audiences until then: resume them there afterwards."
