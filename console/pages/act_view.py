"""What an act would come to, said before it is done. Pure.

A hold as a page shows it. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from console.target import Target
from ops import status_words as words
from ops.release import is_looked_at
from queues.census import Census
from queues.counts import QueueCount, called
from queues.holds import Hold
from queues.names import Queue
from queues.snapshots import orders
from text.wording import plural, span, without_people
from worker.same_account import named


@dataclass(frozen=True, slots=True)
class FlushLine:
    """What a flush would do in one queue. `oldest`: how long the oldest change has waited, in words."""

    name: str
    id: str
    pending: int
    oldest: str
    effect: str


def flushing(counts: Iterable[QueueCount], census: Census, most: Callable[[Queue], int]) -> list[FlushLine]:
    """The queues in which something waits. `most`: changes in one upload of a queue."""
    return [_flush(count, census, most(count.queue)) for count in counts if count.waiting.pending]


def _flush(count: QueueCount, census: Census, most: int) -> FlushLine:
    oldest = count.waiting.oldest
    goes = f"goes in {plural(math.ceil(count.waiting.pending / most), 'upload')}"
    goes = "is carried out" if count.queue.kind == orders.KIND else goes
    hold = census.holds.get(count.queue.connection) or count.hold
    reason = held(str(count.queue), hold, census.at).reason if hold else ""
    return FlushLine(
        called(count),
        str(count.queue),
        count.waiting.pending,
        "" if oldest is None else span(census.at - oldest),
        f"held ({reason}): {goes} when that ends" if hold else f"{goes} now",
    )


def holding(place: Target) -> Iterator[str]:
    """What a hold would stop, and what not."""
    if not isinstance(place.on, Queue):
        yield f"All of it stops: {plural(len(place.queues), 'queue')}."
    yield f"{_pending(place)}. That stays where it is; what is accepted from now on waits behind it."
    if place.batches:
        opened = plural(place.batches, "open batch stops", "open batches stop")
        yield f"{opened} before the next step: {plural(place.open, 'change')}. What Klaviyo has taken it carries out."
    yield "It lasts until somebody releases it."


def releasing(place: Target, census: Census) -> Iterator[str]:
    """What would follow the end of a hold."""
    if place.hold and is_looked_at(place.on, place.hold):
        yield "Ferry first asks Klaviyo whether the cause is gone. If it is not, the hold stays, and you are told why."
    if place.hold and place.hold.owned:
        yield f"From now on it uses list {place.hold.owned.list_id} together with {place.hold.owned.keeper}."
    if place.hold and place.hold.moved:
        to, before = named(place.hold.moved.account), named(place.hold.moved.before)
        yield f"From now on it delivers to {to}, and no longer to {before}. Lists are looked for, or created, there."
    if place.batches:
        opened = plural(place.batches, "open batch goes", "open batches go")
        yield f"{opened} on at once: {plural(place.open, 'change')}."
    yield f"{_pending(place)}: what is due is taken at once, the rest when it is full or old enough."
    if isinstance(place.on, Queue) and place.on.connection in census.holds:
        yield f"Its connection {place.on.connection} is held too: nothing goes on before that is released as well."
    if others := [count for count in place.queues if count.hold and count.queue != place.on]:
        own = plural(len(others), "queue of it has a hold of its own", "queues of it have holds of their own")
        yield f"{own}: that stays."


def _pending(place: Target) -> str:
    return plural(place.pending, "change waits", "changes wait")


@dataclass(frozen=True, slots=True)
class HoldSummary:
    """`on`: the queue or connection, as `ferry release` takes it. `reason`: a code of Ferry's, or what a person wrote.

    `since`: ms; `lasts`: in words. `what_to_do`: what ends it.
    """

    on: str
    reason: str
    since: int
    lasts: str
    what_to_do: str


def held(on: str, hold: Hold, now: int) -> HoldSummary:
    """What to show of a hold. `now`: ms."""
    return HoldSummary(on, without_people(hold.reason), hold.since, span(now - hold.since), words.what_to_do(hold))
