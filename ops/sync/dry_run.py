"""`ferry sync --dry-run`: the comparison that a worker would make, without storing or sending anything.

It includes the requests and the time that the changes would need at Klaviyo's published limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from redis import Redis

from configuration.connections import Connection
from configuration.settings import Settings
from mappings.profile import Profile
from ops import klaviyo_list
from ops.errors import Failed
from ops.export.joining import sendable
from ops.sync import forecast
from ops.sync.forecast import Effort
from ops.sync.source import Source
from ops.sync.submit import shown
from queues.census import count
from queues.change import Body, Change
from queues.clock import now_ms
from queues.names import Queue
from queues.people.identities import Identities
from queues.snapshots import guard, members, orders
from queues.snapshots.members import Bucket
from queues.snapshots.orders import Counts, SnapshotOrder
from snapshots.gathering import Gathered, gather
from snapshots.plan import Action, PlannedChange, verdict
from snapshots.plan_store import Plan
from snapshots.planning import plan
from snapshots.reading import rows
from snapshots.report import ReadReport
from snapshots.rows import Selection, Unreadable
from snapshots.tally import first
from worker.connection import Destination
from worker.people.batch_people import mapped_by
from worker.snapshots import changed_query
from worker.snapshots.baseline import as_listed, is_another
from worker.snapshots.roster import Roster

#: The number of changes of each kind that are shown.
SHOWN = 20
ACTIONS: Final[tuple[Action, ...]] = ("add", "update", "remove")
Buckets = Callable[[list[int]], dict[int, Bucket]]


@dataclass(frozen=True, slots=True)
class DryRun:
    """The result of a dry run. `asked`: the members of the list came from Klaviyo, not from Ferry's ledger.

    `first`: rows by reason. `guard`: why the guard would hold it, None if it would not. `waiting`: undelivered changes
    of the audience, which the comparison ignores. `people`: the first people of each action, by identity. `report`:
    what the columns become. `rejected`: all rows that cannot be sent, by reason.
    """

    audience: Queue
    asked: bool
    counts: Counts
    first: Mapping[str, list[int]]
    effort: Effort
    guard: str | None
    waiting: int
    people: Mapping[str, list[str]]
    report: ReadReport
    rejected: Mapping[str, list[int]]


def rehearse(
    redis: Redis, known: Settings, queue: Queue, source: Source, order: SnapshotOrder, facts: Mapping[str, Any]
) -> DryRun:
    """Compare a source with the members of the list. `facts`: those of the audience. Raises Failed."""
    connection = known.connections.named(queue.connection)
    to = klaviyo_list.going_to(redis, known, queue, facts)
    report = ReadReport()
    people = _gathered(source, order, queue, connection, to, report)
    with closing(people), klaviyo_list.opened(redis, known, to) as klaviyo:
        list_id = klaviyo_list.list_id(redis, klaviyo, queue, to)
        if not _is_asked(redis, queue, order, list_id or ""):
            return _compared(redis, queue, connection, order, people, to, report, list_id, None)
        with closing(klaviyo_list.roster(klaviyo, list_id)) as roster:
            return _compared(redis, queue, connection, order, people, to, report, list_id, roster)


def _is_asked(redis: Redis, queue: Queue, order: SnapshotOrder, list_id: str) -> bool:
    """Return whether the worker would ask Klaviyo for the list's members (worker/snapshots/baseline.py)."""
    of_ledger = guard.list_of_ledger(redis, orders.queue_of(queue.connection, queue.target))
    return order.reconcile or members.snapshot_at(redis, queue) == 0 or is_another(of_ledger, list_id)


def _gathered(
    source: Source,
    order: SnapshotOrder,
    queue: Queue,
    connection: Connection,
    to: Destination,
    report: ReadReport,
) -> Gathered:
    selection = Selection.chosen(connection.full_profile, connection.default_attributes, order.attributes)
    settings = connection.columns_of(queue.target)
    try:
        with closing(shown(source)) as pieces:
            found = rows(
                *(pieces, order.format, order.gzip, selection, to.rules, to.identity.blocked),
                settings=settings,
                charset=order.charset,
                report=report,
            )
            gathered = gather(found)
        for column, reasons in source.left_out.items():
            for reason, cells in reasons.items():
                report.leave_out(column, reason, cells)
    except Unreadable as fault:
        raise Failed(f"it would be refused, with nothing changed: {fault}") from fault
    if order.rows not in (None, gathered.counts.rows):
        read = gathered.counts.rows
        gathered.close()
        raise Failed(f"it would be refused: the manifest says {order.rows:,} rows, and the file has {read:,}")
    return gathered


def _compared(
    redis: Redis,
    queue: Queue,
    connection: Connection,
    order: SnapshotOrder,
    people: Gathered,
    to: Destination,
    report: ReadReport,
    list_id: str | None,
    roster: Roster | None,
) -> DryRun:
    buckets = _of_klaviyo(redis, queue, people, roster) if roster else lambda part: members.read(redis, queue, part)
    memory = Identities(redis, queue.connection)
    check = SendCheck(to, order)
    with closing(plan(people, buckets, order.at, check, memory)) as planned:
        policy = connection.policy_for(queue.kind, queue.target)
        settings = forecast.ForecastSettings(policy.upload_max, to.identity.prove, to.identity.identifiers, now_ms())
        changes = (change for _, some in planned.parts() for change in some)
        effort = forecast.forecast(changes, settings, memory)
        effort.clears = check.clears
        effort.pages = forecast.pages_of(roster.size) if roster and list_id else 0
        return _rehearsal(redis, queue, connection, order, planned, roster is not None, effort, report)


def _of_klaviyo(redis: Redis, queue: Queue, people: Gathered, roster: Roster) -> Buckets:
    """Return buckets as the ledger would have them after it is made equal to the list."""
    for number, named in people.buckets():
        roster.find(number, named)

    def read(part: list[int]) -> dict[int, Bucket]:
        ledger = members.read(redis, queue, part)
        listed = {number: {*roster.found(number), *roster.strangers(number)} for number in part}
        return {number: as_listed(ledger[number], listed[number], ()) for number in part}

    return read


class SendCheck:
    """Says why a planned change could not be sent; None if it could. `clears`: people with a field to empty so far."""

    def __init__(self, to: Destination, order: SnapshotOrder) -> None:
        self._to = to
        self._order = order
        self.clears = 0

    def __call__(self, planned: PlannedChange, _as_read: bool) -> str | None:
        """Map the change as the worker does when it delivers it."""
        order = self._order
        body = Body(planned.action, order.at, orders.KIND, order.snapshot, msgspec.Raw(planned.fragment))
        mapped = mapped_by(self._to.rules, [Change(planned.keys, 0, body)], "dry run", self._to.identity)
        found = sendable(mapped) if isinstance(mapped, Profile) else mapped.reason
        if isinstance(found, str):
            return found
        self.clears += bool(found.clear)
        return None


def _rehearsal(
    redis: Redis,
    queue: Queue,
    connection: Connection,
    order: SnapshotOrder,
    planned: Plan,
    asked: bool,
    effort: Effort,
    report: ReadReport,
) -> DryRun:
    (now,) = count(redis, [queue])
    before = orders.records(redis, orders.queue_of(queue.connection, queue.target))
    earlier = guard.removed_lately(before, now_ms())
    limit = connection.removal_limit(queue.target)
    why = verdict(planned.counts, limit, earlier, order.max_shrink_percent) or changed_query.verdict_of(
        redis, queue.target, order, planned.counts, limit
    )
    return DryRun(
        audience=queue,
        asked=asked,
        counts=planned.counts,
        first=first(planned.shrunk),
        rejected=planned.shrunk,
        effort=effort,
        guard=None if order.confirmed else why,
        waiting=now.waiting.pending + now.open,
        people={action: [each.identity for each in planned.examples(action, SHOWN)] for action in ACTIONS},
        report=report,
    )
