"""The census as the first page shows it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

from console.view_bars import Bar, age_of, size_of
from console.view_held import Held, held
from ops import status_words as words
from ops.wording import called, plural, span
from queues.census import Census
from queues.counts import QueueCount

#: Queues on the page: a browser can show thousands, a person cannot look at them.
_SHOWN: Final = 200
#: Batches of one queue that are told one by one.
_BATCHES: Final = 3


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    """A connection. `pending`: changes that wait in all its `queues`."""

    name: str
    hold: Held | None
    queues: int
    pending: int


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue. `fires` and `when`: what takes it next, empty where nothing waits. `age`: None where nothing waits.

    `oldest`: how long the oldest change has waited, in words. `is_held`: by itself (`hold`) or with its connection.
    `batches`, `delivered_more`, `letters_gone`: lines of words. `letters`: dead letters that are kept.
    """

    name: str
    id: str
    size: Bar
    age: Bar | None
    oldest: str
    fires: str
    when: str
    is_held: bool
    hold: Held | None
    open: int
    batches: list[str]
    delivered: int
    delivered_more: list[str]
    letters: int
    letters_gone: list[str]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page. `at`: ms, by the ledger's clock. `hidden`: queues that are counted and not shown."""

    at: int
    trouble: list[str]
    scheduler: str
    scheduler_alive: bool
    workers: str
    workers_alive: bool
    connections: list[ConnectionLine]
    queues: list[QueueLine]
    hidden: int
    equation: str
    adds_up: bool
    left_out: str


def overview(census: Census, connections: Iterable[str]) -> Overview:
    """What to show; `connections`: the names of those that are known, besides which there may be others with queues."""
    shown = sorted(nsmallest(_SHOWN, census.queues, key=_urgency(census)), key=lambda count: count.queue)
    equation, adds_up = words.equation(census)
    return Overview(
        at=census.at,
        trouble=list(words.trouble(census)),
        scheduler=words.scheduler(census),
        scheduler_alive=census.heartbeat is not None,
        workers=words.workers(census),
        workers_alive=bool(census.workers),
        connections=_connections(census, connections),
        queues=[_queue(count, census) for count in shown],
        hidden=len(census.queues) - len(shown),
        equation=equation,
        adds_up=adds_up,
        left_out=words.left_out(census),
    )


def _urgency(census: Census) -> Callable[[QueueCount], tuple[bool, bool, bool, float]]:
    """Faults come first, then what is held, then dead letters, then what is due next."""

    def key(count: QueueCount) -> tuple[bool, bool, bool, float]:
        due = float("inf") if count.due is None else count.due
        return count.missing == 0, not words.is_held(count, census), count.kept == 0, due

    return key


def _connections(census: Census, known: Iterable[str]) -> list[ConnectionLine]:
    pending: dict[str, list[int]] = {name: [] for name in (*known, *census.holds)}
    for count in census.queues:
        pending.setdefault(count.queue.connection, []).append(count.waiting.pending)
    return [_connection(name, waiting, census) for name, waiting in sorted(pending.items())]


def _connection(name: str, waiting: list[int], census: Census) -> ConnectionLine:
    hold = census.holds.get(name)
    return ConnectionLine(name, held(name, hold, census.at) if hold else None, len(waiting), sum(waiting))


def _queue(count: QueueCount, census: Census) -> QueueLine:
    now, oldest = census.at, count.waiting.oldest
    fires, when = words.next_flush(count, census)
    return QueueLine(
        name=called(count),
        id=str(count.queue),
        size=size_of(count),
        age=age_of(count, now),
        oldest="" if oldest is None else span(now - oldest),
        fires=fires,
        when=when,
        is_held=words.is_held(count, census),
        hold=held(str(count.queue), count.hold, now) if count.hold else None,
        open=count.open,
        batches=_batches(count, now),
        delivered=count.delivered,
        delivered_more=words.delivered_more(count, now),
        letters=count.kept,
        letters_gone=words.letters_gone(count),
    )


def _batches(count: QueueCount, now: int) -> list[str]:
    told = [words.batch(batch, now) for batch in count.batches[:_BATCHES]]
    more = len(count.batches) - _BATCHES
    return [*told, f"and {plural(more, 'batch', 'batches')}"] if more > 0 else told
