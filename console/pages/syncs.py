"""`/syncs`: the snapshots of all audiences with their results, and `/syncs/{snapshot}/rejected.csv`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import falcon
import falcon.asgi

from console import render
from console.auth.roles import Role, visitor
from console.context import AppContext
from ops.export.columns import line as csv_line
from ops.sync.recent import recent
from ops.sync.view import lines
from queues.census import Census
from queues.counts import called
from queues.names import Queue
from queues.snapshots import orders, outcomes
from queues.snapshots.orders import Record
from text.wording import plural

#: Snapshots on one page.
_PAGE: Final = 25
#: The words for the states of a snapshot, in the order of the page.
WORDS: Final = {
    "held": "held",
    "planning": "running",
    "applying": "running",
    "waiting": "waiting",
    "done": "done",
    "refused": "refused",
    "superseded": "replaced",
}


@dataclass(frozen=True, slots=True)
class SyncLine:
    """A snapshot. `state`: one of WORDS' values. `took`: ms, None while it lasts. `address`: of its queue."""

    snapshot: str
    name: str
    group: str
    address: str
    state: str
    since: int
    took: int | None
    customers: int | None
    adds: int | None
    updates: int | None
    removals: int | None
    unchanged: int | None
    rejected: int | None
    error: str


@dataclass(frozen=True, slots=True)
class HeldSync:
    """A snapshot that the guard holds. `figures`: name, people, remark. `percent`: of the list that would leave."""

    line: SyncLine
    figures: list[tuple[str, int, str]]
    removals: int
    percent: int


@dataclass(frozen=True, slots=True)
class SyncsView:
    """The page. `states`: word -> snapshots in it."""

    held: list[HeldSync]
    lines: list[SyncLine]
    states: dict[str, int]
    of: int
    pages: int
    page: int


def view(found: Sequence[Record], census: Census, state: str, page: int) -> SyncsView:
    """Return what to show. `found`: newest first. Pure."""
    names = {str(orders.audience_of(c.queue)): called(c) for c in census.queues if c.queue.kind == orders.KIND}
    every = [_line(record, names) for record in found]
    states = Counter(line.state for line in every)
    chosen = [line for line in every if state in ("", line.state)]
    pages = max(1, -(-len(chosen) // _PAGE))
    page = min(max(1, page), pages)
    return SyncsView(
        [_held(record, _line(record, names)) for record in found if record.state == "held" and record.counts],
        chosen[(page - 1) * _PAGE : page * _PAGE],
        {word: states[word] for word in dict.fromkeys(WORDS.values()) if states[word]},
        len(chosen),
        pages,
        page,
    )


def _line(record: Record, names: dict[str, str]) -> SyncLine:
    queue, order = Queue.parse(record.queue), record.order
    customers, adds, updates, removals, unchanged, rejected = _figures(record.counts)
    return SyncLine(
        order.snapshot,
        order.name or names.get(str(orders.audience_of(queue)), queue.target),
        " / ".join(filter(None, (order.campaign, order.group))),
        f"/queues/{queue}",
        WORDS[record.state],
        record.since,
        None if record.ended is None else record.ended - record.since,
        customers,
        adds,
        updates,
        removals,
        unchanged,
        rejected,
        record.error,
    )


def _figures(counts: orders.Counts | None) -> Sequence[int | None]:
    """Return customers, adds, updates, removals, unchanged and rejected; None for each before the snapshot was read."""
    if counts is None:
        return (None,) * 6
    rejected = sum(counts.shrink.values())
    return counts.customers, counts.adds, counts.updates, counts.removals, counts.unchanged, rejected


def _held(record: Record, line: SyncLine) -> HeldSync:
    counts = record.counts or orders.Counts()
    percent = 100 * counts.removals // counts.held if counts.held else 0
    return HeldSync(line, list(lines(counts, record.examples)), counts.removals, percent)


class SyncsPage:
    """The page of the snapshots; `?state=` and `?page=` choose."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the snapshots that are remembered, newest first."""
        census = await self._context.census()
        found = await self._context.run(recent, self._context.redis, census.queues)
        state = req.get_param("state") or ""
        state = state if state in WORDS.values() else ""
        page = req.get_param("page") or "1"
        seen = view(found, census, state, int(page) if page.isascii() and page.isdigit() else 1)
        render.page(req, resp, "syncs.html", seen=seen, state=state, acts=visitor(req).may(Role.OPERATOR), at=census.at)


class RejectedRows:
    """The rows of one snapshot that cannot be sent, as CSV: their reasons and numbers, without personal data."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, snapshot: str) -> None:
        """Answer with the file; 404 if the snapshot is not remembered."""
        try:
            record = await self._context.run(outcomes.record, self._context.redis, snapshot)
        except ValueError:
            record = None
        if record is None or record.counts is None:
            raise falcon.HTTPNotFound(
                title="No such snapshot", description="It is not known, was not read yet, or ended over 30 days ago."
            )
        resp.content_type = "text/csv;charset=utf-8"
        resp.downloadable_as = f"rejected-{record.order.snapshot}.csv"
        resp.text = rejected_csv(record)


def rejected_csv(record: Record) -> str:
    """Return the rejected rows: a line for each row whose number is known, then how many are not listed. Pure."""
    counts, rows = record.counts or orders.Counts(), [("reason", "row")]
    for reason, people in sorted(counts.shrink.items()):
        known = record.examples.get(reason, [])
        rows += [(reason, str(row)) for row in known]
        if more := people - len(known):
            rows.append((reason, f"and {plural(more, 'other row')}"))
    return b"".join(csv_line(row, safe=True) for row in rows).decode()
