"""The queue table of the first page: one line for each queue, filtered, sorted and cut into pages. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from console.pages.bars import Bar, size_of
from console.pages.queue_filter import STATES, QueueFilter
from ops import status_words as words
from ops.holds import placed_by_person
from queues.census import Census
from queues.counts import QueueCount, called
from queues.holds import Hold
from queues.snapshots.guard import GUARD
from text.wording import number

#: Lines on one page.
PAGE: Final = 25
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


def state_of(count: QueueCount, census: Census) -> str:
    """Return the state of a queue, one of STATES."""
    if count.queue.connection in census.holds:
        return "blocked"
    if count.hold:
        return "held"
    if any(words.failed(batch) for batch in count.batches):
        return "retrying"
    if count.batches:
        return "delivering"
    return "waiting" if count.waiting.pending else "idle"


def table(census: Census, wanted: QueueFilter) -> QueueTable:
    """Return the page of the table that a filter asks for."""
    matching = [(count, state_of(count, census)) for count in census.queues if _matches(count, wanted)]
    states = Counter(state for _, state in matching)
    chosen = [each for each in matching if wanted.state in ("", each[1])]
    folded, single = _folded(chosen, census, wanted)
    ordered = sorted(single, key=lambda each: str(each[0].queue))
    ordered.sort(key=lambda each: _key(*each, wanted.sort), reverse=wanted.desc)
    of = len(folded) + len(ordered)
    pages = max(1, -(-of // PAGE))
    page = min(wanted.page, pages)
    start = (page - 1) * PAGE
    shown = ordered[max(0, start - len(folded)) : max(0, start + PAGE - len(folded))]
    rows = [*folded[start : start + PAGE], *(_row(count, state, census) for count, state in shown)]
    return QueueTable(
        rows,
        [count for count, _ in shown],
        start + 1 if rows else 0,
        start + len(rows),
        of,
        page,
        pages,
        {state: states[state] for state in STATES if states[state]},
        len(matching),
        sum(row.folded for row in folded),
        sorted({count.queue.connection for count in census.queues}),
        sorted({count.queue.kind for count in census.queues}),
    )


def _matches(count: QueueCount, wanted: QueueFilter) -> bool:
    text = wanted.text.casefold()
    return (
        wanted.kind in ("", count.queue.kind)
        and wanted.connection in ("", count.queue.connection)
        and (not text or text in called(count).casefold() or text in str(count.queue).casefold())
    )


def _folded(
    chosen: Sequence[tuple[QueueCount, str]], census: Census, wanted: QueueFilter
) -> tuple[list[Row], Sequence[tuple[QueueCount, str]]]:
    """Return a row for each connection that blocks several queues, and the other queues."""
    blocked = Counter(count.queue.connection for count, state in chosen if state == "blocked")
    names = [name for name, queues in sorted(blocked.items()) if queues > 1] if wanted.folds else []
    rows = [_fold(name, [count for count, _ in chosen if count.queue.connection == name], census) for name in names]
    return rows, [each for each in chosen if each[0].queue.connection not in names]


def _fold(name: str, counts: Sequence[QueueCount], census: Census) -> Row:
    pending = sum(count.waiting.pending for count in counts)
    oldest = min((count.waiting.oldest for count in counts if count.waiting.oldest is not None), default=None)
    return Row(
        f"{number(len(counts))} queues of {name}",
        f"connection-{name}",
        name,
        "blocked",
        pending,
        Bar(0, 1, number(pending)),
        oldest,
        None,
        None,
        _after(census.holds[name]),
        sum(count.open for count in counts),
        sum(count.kept for count in counts),
        len(counts),
    )


def _key(count: QueueCount, state: str, sort: str) -> Any:
    oldest = _NEVER if count.waiting.oldest is None else count.waiting.oldest
    if sort == "oldest":
        # The greatest age first when it descends; queues without pending changes come last then.
        return -oldest
    keys: dict[str, Any] = {
        "name": called(count).casefold(),
        "connection": count.queue.connection,
        "pending": count.waiting.pending,
        "dead": count.kept,
    }
    return keys.get(sort, (STATES.index(state), oldest))


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
