"""The content of the first page, with the last settled batches of all queues. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from alerts.rules import key_remedy, key_sentence
from console.pages.act_view import HoldSummary, held
from console.pages.connections_view import ConnectionLine, UseLine, connections, limits, limits_told
from console.pages.overview_read import OverviewData
from console.pages.spark import Bar, Spark, age_of, size_of, spark
from ops import status_words as words
from ops.eta import Eta
from ops.most_urgent import most_urgent_queues
from queues.census import Census
from queues.counts import QueueCount, called
from queues.history.last_batches import SettledBatch
from text.wording import clock, number, plural, span

#: Most batches of one queue that are listed.
_BATCHES: Final = 3


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue. `fires` and `when`: the next trigger, empty without pending changes. `age`: None without them.

    `oldest`: how long the oldest change has waited, in words. `arrives`: when the changes of the next flush are in
    Klaviyo, in words, empty if unknown. `is_held`: the queue (`hold`) or its connection is held. `batches`,
    `delivered_more`, `letters_gone`: lines of words. `letters`: dead letters that are kept. `day`: None if nothing was
    settled within a day.
    """

    name: str
    id: str
    pending: int
    size: Bar
    age: Bar | None
    oldest: str
    fires: str
    when: str
    arrives: str
    is_held: bool
    hold: HoldSummary | None
    open: int
    batches: list[str]
    delivered: int
    delivered_more: list[str]
    letters: int
    letters_gone: list[str]
    day: Spark | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page. `at`: ms, by the ledger's clock. `hidden`, `unread`: queues, connections not shown.

    `keys`: a line for each key that a message changed, or tried to change. `held`, `dying`: the number of queues that
    are held, and that have dead letters. `limits_told`: `limits` in one line.
    """

    at: int
    trouble: list[str]
    keys: list[str]
    held: int
    dying: int
    scheduler: str
    scheduler_alive: bool
    workers: str
    workers_alive: bool
    connections: list[ConnectionLine]
    unread: int
    queues: list[QueueLine]
    hidden: int
    equation: str
    adds_up: bool
    left_out: str
    shared: str
    day: Spark
    uploads: list[LastUpload]
    limits: list[UseLine]
    limits_told: str


def overview(reading: OverviewData) -> Overview:
    """Return what to show."""
    census = reading.census
    shown = most_urgent_queues(census)
    equation, adds_up = words.equation(census)
    used = limits(reading)
    return Overview(
        at=census.at,
        trouble=[*words.trouble(census), *words.failing(census)],
        keys=[f"{key_sentence(each)}. {key_remedy(each)}" for each in reading.key_changes],
        held=sum(words.is_held(count, census) for count in census.queues),
        dying=sum(count.kept > 0 for count in census.queues),
        scheduler=words.scheduler(census),
        scheduler_alive=census.heartbeat is not None,
        workers=words.workers(census),
        workers_alive=bool(census.workers),
        connections=connections(reading),
        unread=reading.unread,
        queues=[_queue(count, reading) for count in shown],
        hidden=len(census.queues) - len(shown),
        equation=equation,
        adds_up=adds_up,
        left_out=words.left_out(census),
        shared=words.shared(census),
        day=spark(reading.hours),
        uploads=last(reading.uploads, census),
        limits=used,
        limits_told=limits_told(used),
    )


def _queue(count: QueueCount, reading: OverviewData) -> QueueLine:
    census = reading.census
    now, oldest, hours = census.at, count.waiting.oldest, reading.hours_of.get(count.queue)
    fires, when = words.next_flush(count, census)
    return QueueLine(
        name=called(count),
        id=str(count.queue),
        pending=count.waiting.pending,
        size=size_of(count),
        age=age_of(count, now),
        oldest="" if oldest is None else span(now - oldest),
        fires=fires,
        when=when,
        arrives=arrives(reading.arrivals.get(count.queue), count.waiting.pending, now),
        is_held=words.is_held(count, census),
        hold=held(str(count.queue), count.hold, now) if count.hold else None,
        open=count.open,
        batches=_batches(count, now),
        delivered=count.delivered,
        delivered_more=words.delivered_more(count, now),
        letters=count.kept,
        letters_gone=words.letters_gone(count),
        day=spark(hours) if hours else None,
    )


def arrives(arrival: Eta | None, pending: int, now: int) -> str:
    """Return `In Klaviyo about 14:05 UTC`, with the number unless all arrive; empty if unknown. `now`: ms."""
    if arrival is None:
        return ""
    # Rounded up to a whole minute, so that the changes have arrived at the time shown.
    at = clock(arrival.at + 59_999, now)
    where = f"{number(arrival.changes)} of {number(pending)} in" if arrival.changes < pending else "In"
    return f"{where} Klaviyo about {at}"


def _batches(count: QueueCount, now: int) -> list[str]:
    lines = [words.batch(batch, now) for batch in count.batches[:_BATCHES]]
    more = len(count.batches) - _BATCHES
    return [*lines, f"and {plural(more, 'batch', 'batches')}"] if more > 0 else lines


@dataclass(frozen=True, slots=True)
class LastUpload:
    """An upload. `settled`: ms; `ago`, `took`: in words. `queue`: its name in addresses; `name`: its display name."""

    settled: int
    ago: str
    queue: str
    name: str
    reason: str
    changes: int
    delivered: int
    superseded: int
    dead: int
    took: str


def last(uploads: Sequence[SettledBatch], census: Census) -> list[LastUpload]:
    """Return the uploads in their order."""
    names = {count.queue: called(count) for count in census.queues}
    return [
        LastUpload(
            each.settled,
            span(census.at - each.settled),
            str(each.queue),
            names.get(each.queue, str(each.queue)),
            each.reason,
            each.changes,
            each.delivered,
            each.superseded,
            each.dead,
            span(each.settled - each.taken),
        )
        for each in uploads
    ]
