"""What an action would do, in words, shown before it is done; and holds as pages show them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from console.target import Target
from ops import status_words as words
from ops.cause_words import held_title
from ops.release import is_looked_at
from queues.census import Census
from queues.counts import QueueCount, called
from queues.holds import Hold
from queues.names import Queue
from queues.snapshots import orders
from text.wording import duration, plural
from worker.connection import account_name


@dataclass(frozen=True, slots=True)
class FlushLine:
    """What a flush would do in one queue. `oldest`: how long the oldest change has waited, in words."""

    name: str
    id: str
    pending: int
    oldest: str
    effect: str


def flushing(counts: Iterable[QueueCount], census: Census, most: Callable[[Queue], int]) -> list[FlushLine]:
    """Return a line for each queue with pending changes. `most`: changes in one upload of a queue."""
    return [_flush(count, census, most(count.queue)) for count in counts if count.waiting.pending]


def _flush(count: QueueCount, census: Census, most: int) -> FlushLine:
    oldest = count.waiting.oldest
    uploads = plural(math.ceil(count.waiting.pending / most), "upload")
    effect = "carried out" if count.queue.kind == orders.KIND else uploads
    hold = census.holds.get(count.queue.connection) or count.hold
    reason = held(str(count.queue), hold, census.at).reason if hold else ""
    return FlushLine(
        called(count),
        str(count.queue),
        count.waiting.pending,
        "" if oldest is None else duration(census.at - oldest),
        f"held ({reason}): {effect} after release" if hold else f"{effect} now",
    )


def holding(place: Target) -> Iterator[str]:
    """Yield what a hold would stop, and what not."""
    if not isinstance(place.on, Queue):
        yield f"{plural(place.figures.queues, 'queue stops', 'queues stop')}."
    yield f"{_pending(place)}. Pending changes stay in the queue, and new ones are added."
    if place.figures.batches:
        opened = plural(place.figures.batches, "batch in progress stops", "batches in progress stop")
        stopped = plural(place.figures.open, "change")
        yield f"{opened} before the next step: {stopped}. Klaviyo completes what it has accepted."
    yield "The hold lasts until it is released."


def releasing(place: Target, census: Census) -> Iterator[str]:
    """Yield what would follow the end of a hold."""
    if place.hold and is_looked_at(place.on, place.hold):
        yield "Ferry first asks Klaviyo whether the cause is gone. If not, the hold stays and this page shows why."
    if place.hold and place.hold.owned:
        yield f"After release it uses list {place.hold.owned.list_id} together with {place.hold.owned.keeper}."
    if place.hold and place.hold.moved:
        to, before = account_name(place.hold.moved.account), account_name(place.hold.moved.before)
        yield f"After release it delivers to {to} instead of {before}. Ferry finds or creates its lists there."
    if place.figures.batches:
        opened = plural(place.figures.batches, "batch in progress continues", "batches in progress continue")
        yield f"{opened} at once: {plural(place.figures.open, 'change')}."
    yield f"{_pending(place)}: due changes are taken at once, the others when the flush size or age is reached."
    if isinstance(place.on, Queue) and place.on.connection in census.holds:
        yield f"Its connection {place.on.connection} is held too: nothing is sent until that is released as well."
    if not isinstance(place.on, Queue) and place.figures.held:
        own = plural(place.figures.held, "queue has its own hold", "queues have their own holds")
        yield f"{own}, which must be released separately."


def _pending(place: Target) -> str:
    return plural(place.figures.pending, "change is pending", "changes are pending")


@dataclass(frozen=True, slots=True)
class HoldSummary:
    """A hold. `on`: the queue or connection, as for `ferry release`. `title`: what is wrong.

    `reason`: a code, or what a person wrote. `since`: ms; `lasts`: in words. `what_to_do`: what ends it.
    """

    on: str
    title: str
    reason: str
    since: int
    lasts: str
    what_to_do: str


def held(on: str, hold: Hold, now: int) -> HoldSummary:
    """Return what to show of a hold. `now`: ms."""
    return HoldSummary(
        on,
        held_title([hold], on),
        words.reason_of(hold),
        hold.since,
        duration(now - hold.since),
        words.what_to_do(hold),
    )
