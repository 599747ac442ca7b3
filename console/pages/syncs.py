"""`/syncs`: the snapshots of all audiences with their results, and `/syncs/{snapshot}/rejected.csv`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import Role, visitor
from console.context import AppContext
from console.forms import page_number
from console.paging import ListPart, part_of
from ops.sync.view import fields_left_out, is_planned, lines, remarks
from queues.census import rows, take_summary
from queues.names import Queue
from queues.snapshots import guard, orders, outcomes
from queues.snapshots.orders import Counts, Record, State
from snapshots.rejected_rows import rejected_csv
from text.wording import number

#: Snapshots on all pages: the newest, besides those that the guard holds.
_MOST: Final = 1_000
#: Held snapshots that are shown with their figures.
_HELD: Final = 3
#: The states of a snapshot (queues/snapshots/records.py), in the order of the page.
STATES: Final[tuple[State, ...]] = (
    *("held", "queued", "reading", "comparing", "delivering"),
    *("delivered", "imported", "failed", "superseded"),
)


@dataclass(frozen=True, slots=True)
class SyncLine:
    """A snapshot, with the address of its queue.

    `took`: ms until its last change was settled or it ended otherwise, None while it lasts.
    `figures`: by heading, None before it was read; so is `rejected`. `reasons`: of the rejected people. `remarks`: what
    the figures do not say.
    """

    snapshot: str
    name: str
    group: str
    address: str
    state: str
    since: int
    took: int | None
    figures: list[tuple[str, int | None]]
    rejected: int | None
    reasons: str
    error: str
    remarks: list[str]


@dataclass(frozen=True, slots=True)
class HeldSync:
    """A snapshot that the guard holds. `figures`: name, people, remark. `percent`: of the list that would leave.

    `begun`: its people have joined, and `removals` are those who would leave besides.
    """

    line: SyncLine
    figures: list[tuple[str, int, str]]
    removals: int
    percent: int
    begun: bool


@dataclass(frozen=True, slots=True)
class SyncsView:
    """The page. `held`: the newest of the held ones; `more`: the number of the others. `states`: state -> snapshots."""

    held: list[HeldSync]
    more: int
    lines: ListPart[SyncLine]
    states: dict[State, int]


def view(found: Sequence[Record], names: Mapping[str, str], state: str, page: int) -> SyncsView:
    """Return what to show. `found`: newest first; `names`: of the audiences, by the queue of their snapshots. Pure."""
    every = [_line(record, names) for record in found]
    states = Counter(line.state for line in every)
    held = [record for record in found if record.state == "held" and record.counts]
    return SyncsView(
        [_held(record, _line(record, names)) for record in held[:_HELD]],
        len(held[_HELD:]),
        part_of([line for line in every if state in ("", line.state)], page),
        {each: states[each] for each in STATES if states[each]},
    )


def _line(record: Record, names: Mapping[str, str]) -> SyncLine:
    queue, order, shrink = Queue.parse(record.queue), record.order, record.counts.shrink if record.counts else {}
    return SyncLine(
        order.snapshot,
        order.name or names.get(record.queue, queue.target),
        " / ".join(filter(None, (order.campaign, order.group))),
        f"/queues/{queue}",
        record.state,
        record.since,
        _took(record),
        figures(record.counts, done=not is_planned(record.state, record.outcomes)),
        record.counts.rejected if record.counts else None,
        ", ".join(f"{reason} {number(people)}" for reason, people in sorted(shrink.items())),
        record.error,
        [*remarks(record), *fields_left_out(record.left_out)],
    )


def figures(counts: Counts | None, *, done: bool = True) -> list[tuple[str, int | None]]:
    """Return the figures of the table by heading, each None before the snapshot was compared. Pure.

    `done`: changes were queued; otherwise their figures are None.
    """
    known = counts or Counts()
    changes = {"Added": known.adds, "Updated": known.updates, "Removed": known.removals}
    found = {"Customers": known.customers, **changes, "Unchanged": known.unchanged}
    return [(name, figure if counts and (done or name not in changes) else None) for name, figure in found.items()]


def _took(record: Record) -> int | None:
    if record.ended is None or record.state == "delivering":
        return None
    return max(record.ended, record.outcomes.settled or 0) - record.since


def _held(record: Record, line: SyncLine) -> HeldSync:
    counts = record.counts or Counts()
    begun = counts.leaving > 0
    removals = counts.leaving or counts.removals
    percent = 100 * removals // counts.held if counts.held else 0
    return HeldSync(line, list(lines(counts, record.examples, planned=not begun)), removals, percent, begun)


class SyncsPage:
    """The page of the snapshots; `?state=` and `?page=` choose."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the snapshots that are remembered, newest first."""
        names, found, at = await self._context.run(_read, self._context.redis)
        state = req.get_param("state") or ""
        state = state if state in STATES else ""
        seen = view(found, names, state, page_number(req.get_param("page")))
        render.page(req, resp, "syncs.html", seen=seen, state=state, acts=visitor(req).may(Role.OPERATOR), at=at)


def _read(redis: Redis) -> tuple[dict[str, str], list[Record], int]:
    """Return the names that `view` takes, the snapshots, and the time in ms."""
    names = {row.queue: row.called for row in rows(redis) if row.kind == orders.KIND}
    census = take_summary(redis)
    held = {count.queue for count in census.queues if count.hold and count.hold.reason == guard.GUARD}
    return names, outcomes.recent(redis, [Queue.parse(name) for name in names], _MOST, held), census.at


class RejectedRows:
    """The rows of one snapshot that cannot be sent, as CSV: their reasons and numbers, without personal data."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, snapshot: str) -> None:
        """Answer with the file; 404 if the snapshot is not remembered."""
        found = await self._context.run(_rejected, self._context.redis, snapshot)
        if found is None:
            raise falcon.HTTPNotFound(
                title="No such snapshot", description="It is not known, was not read yet, or ended over 30 days ago."
            )
        resp.content_type = "text/csv;charset=utf-8"
        resp.downloadable_as = f"rejected-{snapshot}.csv"
        resp.text = rejected_csv(*found)


def _rejected(redis: Redis, snapshot: str) -> tuple[Counts, dict[str, list[int]]] | None:
    """Return what `rejected_csv` takes; None for a snapshot that is not known or was not read yet."""
    try:
        record = outcomes.record(redis, snapshot)
    except ValueError:
        return None
    return (record.counts, outcomes.rejected(redis, snapshot)) if record and record.counts else None
