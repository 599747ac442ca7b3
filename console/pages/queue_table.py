"""The queue table of the first page: one line for each queue, filtered, sorted and cut into pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import Any, Final

from redis import Redis

from console.pages.bars import Bar, size_of
from console.pages.queue_filter import QueueFilter
from console.paging import PAGE
from ops import status_words as words
from ops.holds import placed_by_person
from ops.status_words import STATES
from queues.census import Census, count
from queues.counts import QueueCount, called
from queues.figures import summed
from queues.holds import Hold
from queues.names import Queue
from queues.queue_rows import QueueRow, rows
from queues.snapshots.guard import GUARD
from text.wording import number

_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Row:
    """A line. `state`: one of STATES. `oldest`, `due`, `retry`: ms, None if there is none. `after`: what ends a hold.

    `folded`: the number of queues that it stands for, 0 for a queue of its own.
    """

    name: str
    id: str
    connection: str
    state: str
    pending: int
    size: Bar
    oldest: int | None
    due: int | None
    retry: int | None
    after: str
    open: int
    dead: int
    folded: int = 0


@dataclass(frozen=True, slots=True)
class QueueTable:
    """A page of lines. `first`, `last`: their numbers, from 1; `of`: lines on all pages; `pages`: their number.

    `states`: state -> queues in it, within the rest of the filter. `hidden`: queues that are folded into one line.
    """

    rows: list[Row]
    counts: list[QueueCount]
    first: int
    last: int
    of: int
    page: int
    pages: int
    states: dict[str, int]
    every: int
    hidden: int
    connections: list[str]
    kinds: list[str]


@dataclass(frozen=True, slots=True)
class _Picked:
    """The lines of a page before they are read: queues that stand for themselves, behind those that are folded."""

    folded: list[Row]
    single: list[tuple[str, str]]
    every: int
    states: Counter[str]
    page: int
    pages: int
    of: int
    hidden: int

    @property
    def start(self) -> int:
        """The number of lines on earlier pages."""
        return (self.page - 1) * PAGE


def read_table(redis: Redis, census: Census, wanted: QueueFilter) -> QueueTable:
    """Read the page of the table that a filter asks for; only its queues are counted. Raises redis.RedisError."""
    if census.kept is None:
        return table(census, wanted)
    picked = _pick(rows(redis), census, wanted)
    return _filled(picked, count(redis, [Queue.parse(name) for name, _ in picked.single]), census)


def table(census: Census, wanted: QueueFilter) -> QueueTable:
    """Return the same of a census that has all queues. Pure."""
    picked = _pick([QueueRow.of(each) for each in census.queues], census, wanted)
    by_name = {str(each.queue): each for each in census.queues}
    return _filled(picked, [by_name[name] for name, _ in picked.single], census)


def _pick(every: Sequence[QueueRow], census: Census, wanted: QueueFilter) -> _Picked:
    matching = [
        (row, words.state_of(row, census.holds)) for row in every if not wanted.is_narrow or _matches(row, wanted)
    ]
    states = Counter(state for _, state in matching)
    chosen = [each for each in matching if wanted.state in ("", each[1])]
    blocked = Counter(row.connection for row, state in chosen if state == "blocked") if wanted.folds else Counter[str]()
    names = [name for name, queues in sorted(blocked.items()) if queues > 1]
    folded = [_fold(name, blocked[name], census, wanted.kind) for name in names]
    single = [each for each in chosen if not names or each[0].connection not in names]
    of = len(folded) + len(single)
    pages = max(1, -(-of // PAGE))
    page = min(wanted.page, pages)
    start = (page - 1) * PAGE
    first, last = max(0, start - len(folded)), max(0, start + PAGE - len(folded))
    shown = [(row.queue, state) for row, state in _ordered(single, wanted, last)[first:]]
    hidden = sum(row.folded for row in folded)
    return _Picked(folded[start : start + PAGE], shown, len(matching), states, page, pages, of, hidden)


def _ordered(single: list[tuple[QueueRow, str]], wanted: QueueFilter, most: int) -> list[tuple[QueueRow, str]]:
    """Return the first lines in the order of the table; of equal ones, by name."""
    by_name = sorted(single, key=lambda each: each[0].stored_queue)
    pick = nlargest if wanted.desc else nsmallest  # both keep the order of equal ones
    return pick(most, by_name, key=lambda each: _key(each[0], each[1], wanted.sort))


def _filled(picked: _Picked, counts: Sequence[QueueCount], census: Census) -> QueueTable:
    states = dict(picked.single)
    single = [_row(each, states[str(each.queue)], census) for each in counts]
    shown = [*picked.folded, *single]
    return QueueTable(
        shown,
        list(counts),
        picked.start + 1 if shown else 0,
        picked.start + len(shown),
        picked.of,
        picked.page,
        picked.pages,
        {state: picked.states[state] for state in STATES if picked.states[state]},
        picked.every,
        picked.hidden,
        sorted(census.totals.connections),
        sorted({kind for _, kind in census.totals.groups}),
    )


def _matches(row: QueueRow, wanted: QueueFilter) -> bool:
    text = wanted.text.casefold()
    return (
        wanted.kind in ("", row.kind)
        and wanted.connection in ("", row.connection)
        and (not text or text in row.queue.casefold() or text in row.called.casefold())
    )


def _fold(name: str, queues: int, census: Census, kind: str) -> Row:
    groups = census.totals.groups.items()
    total = summed(found for group, found in groups if group[0] == name and kind in ("", group[1]))
    return Row(
        f"{number(queues)} queues of {name}",
        f"connection-{name}",
        name,
        "blocked",
        total.pending,
        Bar(0, 1, number(total.pending)),
        total.oldest,
        None,
        None,
        _after(census.holds[name]),
        total.open,
        total.kept,
        queues,
    )


def _key(row: QueueRow, state: str, sort: str) -> Any:
    match sort:
        case "name":
            return row.called.casefold()
        case "connection":
            return row.connection
        case "pending":
            return row.figure("pending")
        case "dead":
            return row.figure("kept")
    oldest = row.figure("oldest") or _NEVER
    # The greatest age first when it descends; queues without pending changes come last then.
    if sort == "oldest":
        return -oldest
    # Dead letters need somebody, even if the queue is idle.
    return state != "blocked" and not row.own_trouble, STATES.index(state), oldest


def _row(count: QueueCount, state: str, census: Census) -> Row:
    hold = census.holds.get(count.queue.connection) or count.hold
    failed = [batch.ring for batch in count.batches if words.failed(batch)]
    return Row(
        called(count),
        str(count.queue),
        count.queue.connection,
        state,
        count.waiting.pending,
        size_of(count),
        count.waiting.oldest,
        None if hold or count.due is None else max(count.due, census.at),
        min(failed) if failed and not hold else None,
        _after(hold) if hold else "",
        count.open,
        count.kept,
    )


def _after(hold: Hold) -> str:
    """Return what a held queue waits for."""
    if hold.reason == GUARD:
        return "after review of the snapshot"
    if placed_by_person(hold):
        return "after release"
    return "after the fix" if hold.ends_by_itself else "after release"
