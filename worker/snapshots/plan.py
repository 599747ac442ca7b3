"""Plans the changes of a snapshot before anything is changed, and decides whether a person must confirm them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

import msgspec
from msgspec.structs import replace

from identity.sending import Policy
from mappings.rules import Rules
from queues import dead_letters, holds
from queues.change import Body, Change
from queues.clock import now_ms
from queues.doorbell import JOB_TIMEOUT
from queues.people.identities import Named, named_by
from queues.people.identity_tokens import Holder, RememberedPerson
from queues.snapshots import guard as queue_guard
from queues.snapshots import members, orders, outcomes
from queues.snapshots.members import Bucket
from queues.snapshots.records import Counts, SnapshotOrder
from snapshots import plan as plan_rules
from snapshots import planning
from snapshots.gathering import Gathered, gather
from snapshots.plan import Action, PlannedChange
from snapshots.plan_store import Plan
from snapshots.reading import rows
from snapshots.report import ReadReport, is_shown
from snapshots.rows import Unreadable
from snapshots.tally import KEPT, first
from worker.errors import HELD_MS, Later
from worker.people.batch_people import MAX_ROW, encode_row, mapped_by
from worker.progress import Rejection
from worker.snapshots import changed_query
from worker.snapshots.run import SnapshotRun

log = logging.getLogger(__name__)


class _Fragment(msgspec.Struct):
    attributes: dict[str, msgspec.Raw] = {}


_decode = msgspec.json.Decoder(_Fragment).decode

#: Workers that may begin to read a snapshot without finishing. Each is stopped after JOB_TIMEOUT, and the next one
#: starts from the beginning.
MAX_STARTS: Final = 5

#: Bytes of a fragment whose row is not too large, however Klaviyo's names and numbers are written.
_SURELY_FITS: Final = MAX_ROW // 10

_WAYS_OUT: Final = (
    "If this is intended, `ferry release {queue}` carries it out. If not, send a corrected snapshot, which replaces "
    "it. Until then {meanwhile}."
)


class TooSlow(Exception):
    """No worker finishes reading a snapshot in time; the message contains the remedy."""

    def __init__(self) -> None:
        super().__init__(
            f"{MAX_STARTS} workers began to read it and none finished: each died or reached its limit of "
            f"{JOB_TIMEOUT // 60} minutes. Split the audience, send fewer attributes, or give the workers a faster CPU "
            "and disk; then send it again"
        )


def count_start(of: SnapshotRun) -> None:
    """Count a worker that begins to read. Raises TooSlow when too many did not finish, Held, LeaseLost."""
    _ = of.aimed  # wrong settings do not count as a start
    if of.course.starts >= MAX_STARTS:
        raise TooSlow
    of.course.starts += 1
    of.record.state = "reading"
    of.note()


def gathered(of: SnapshotRun) -> Gathered:
    """Return everybody in the snapshot. Raises Unreadable, SnapshotGone, LeaseLost."""
    order, to = of.order, of.aimed.to
    settings, report = of.connection.columns_of(of.audience.target), ReadReport()
    people = gather(
        rows(
            *(of.body(), order.format, order.gzip, of.selection, to.rules, to.identity.blocked),
            settings=settings,
            charset=order.charset,
            report=report,
        )
    )
    report.fill(of.record)
    if order.rows not in (None, people.counts.rows):
        people.close()
        raise Unreadable(
            f"{people.counts.rows} rows came, {order.rows} were announced: send the whole again, or correct `rows`"
        )
    return people


def compared(of: SnapshotRun, people: Gathered) -> Plan:
    """Return the changes that the current membership ledger needs. Raises LeaseLost."""

    def buckets(numbers: list[int]) -> dict[int, Bucket]:
        of.renew()
        return members.read(of.delivery.redis, of.audience, numbers)

    def check(planned: PlannedChange, as_read: bool) -> str | None:
        of.renew()
        # Of changes that are queued already, nobody is counted a second time.
        if members.bucket_of(planned.identity) < of.course.bucket:
            return None
        to = of.aimed.to
        return fault(planned, of.order, to.rules, to.identity, as_read=as_read)

    plan = planning.plan(people, buckets, of.order.at, check, _Memory(of))
    if of.course.removed is not None:
        plan.only_leaving(_failed(of))
    return plan


def _failed(of: SnapshotRun) -> set[tuple[str, ...]]:
    """Return the keys of people whose removal by this snapshot is a dead letter: it is counted, and is replayed."""
    letters = dead_letters.read(of.delivery.redis, of.audience)
    changes = (letter.change for letter in letters)
    return {each.keys for each in changes if each.body.action == "remove" and each.body.message == of.order.snapshot}


@dataclass(frozen=True, slots=True)
class _Memory:
    """The remembered people; each read renews the batch's lease. Raises LeaseLost."""

    of: SnapshotRun

    def hash(self, named: Named) -> bytes:
        return self.of.delivery.identities.hash(named)

    def people(self, persons: Sequence[bytes]) -> dict[bytes, RememberedPerson]:
        self.of.renew()
        return self.of.delivery.identities.people(persons)

    def holders(self, identifiers: Sequence[bytes]) -> dict[bytes, list[Holder]]:
        self.of.renew()
        return self.of.delivery.identities.holders(identifiers)


def approve(of: SnapshotRun, plan: Plan) -> None:
    """Write down the counts and continue. Raises Later when a person has to confirm first, LeaseLost."""
    counts = _counted(of, plan)
    of.record.state = "comparing"
    queue = of.delivery.batch.queue
    earlier = queue_guard.removed_lately(orders.records(of.delivery.redis, queue), now_ms())
    limit = of.connection.removal_limit(of.audience.target)
    why = plan_rules.verdict(counts, limit, earlier, of.order.max_shrink_percent) or changed_query.verdict_of(
        of.delivery.redis, of.audience.target, of.order, counts, limit
    )
    asked = of.order.confirmed or queue_guard.is_confirmed(of.delivery.redis, queue, of.order.snapshot)
    # Of a second comparison without removals, everything was seen before the first one's were queued.
    if why and not asked and counts.removals != of.course.removed:
        _ask(of, why)
    if counts is not of.record.counts:
        of.record.counts = counts
        _keep_leaving(of, plan)
    of.course.step, of.record.confirmed = "apply", asked or of.record.confirmed
    # Kept when the snapshot begins again: the changes of some buckets are queued, and the plan lacks their people.
    of.course.undecided = of.course.undecided or plan.undecided
    of.note()


def _counted(of: SnapshotRun, plan: Plan) -> Counts:
    """Return the counts. Of a second comparison, the record has the removals apart until they may be queued."""
    redis, snapshot = of.delivery.redis, of.order.snapshot
    if of.course.removed is None or of.record.counts is None:
        of.record.counts, of.record.examples = plan.counts, first(plan.shrunk)
        outcomes.keep_rejected(redis, snapshot, plan.shrunk)
        outcomes.keep_people(redis, snapshot, _people(of, plan))
        return plan.counts
    more, kept = plan.counts.removals, plan.counts.kept
    counts = replace(of.record.counts, removals=of.course.removed + more, kept=kept, leaving=0)
    of.record.counts = replace(counts, removals=of.course.removed, kept=kept + more, leaving=more)
    return counts


def _keep_leaving(of: SnapshotRun, plan: Plan) -> None:
    redis, snapshot = of.delivery.redis, of.order.snapshot
    before = outcomes.people(redis, snapshot)
    leaving = [*dict([*before.get("remove", ()), *_people(of, plan)["remove"]]).items()]
    outcomes.keep_people(redis, snapshot, {**before, "remove": leaving[:KEPT]})


def _people(of: SnapshotRun, plan: Plan) -> dict[str, list[tuple[bytes, list[str]]]]:
    """Return the first people of each action by their keyed hashes, with the names of their attributes."""
    return {
        action: [
            (
                of.delivery.identities.hash(named_by(each.identity)),
                [name for name in _decode(each.fragment).attributes if is_shown(name)],
            )
            for each in plan.examples(action, KEPT)
        ]
        for action in get_args(Action)
    }


def gives_way(of: SnapshotRun) -> bool:
    """Return whether a newer snapshot replaces this one."""
    redis, queue = of.delivery.redis, of.delivery.batch.queue
    others = queue_guard.waiting(redis, queue)
    return queue_guard.overtaken(of.order, others, members.snapshot_at(redis, of.audience), now_ms())


def _ask(of: SnapshotRun, why: str) -> None:
    redis, queue = of.delivery.redis, of.delivery.batch.queue
    of.record.state = "held"
    of.note()
    meanwhile = "the list stays unchanged" if of.course.removed is None else "nobody else leaves the list"
    resolve = f"{why[:1].upper()}{why[1:]}. {_WAYS_OUT.format(queue=queue, meanwhile=meanwhile)}"
    if holds.place(redis, queue, holds.Hold(queue_guard.GUARD, now_ms(), resolve)):
        log.error("snapshot %s: %s is held (%s). %s", of.order.snapshot, queue, queue_guard.GUARD, resolve)
    if gives_way(of):  # a snapshot submitted meanwhile found no hold to end
        queue_guard.replace_held(redis, queue)
    raise Later(f"snapshot {of.order.snapshot} waits for a person's confirmation", HELD_MS / 1000)


def fault(planned: PlannedChange, order: SnapshotOrder, rules: Rules, policy: Policy, *, as_read: bool) -> str | None:
    """Return why this change cannot be sent, or None.

    `as_read`: its identifiers are those of the row, which was read by the same rules. Then only its size is in doubt.
    """
    if as_read and len(planned.fragment) <= _SURELY_FITS:
        return None
    body = Body(planned.action, order.at, orders.KIND, order.snapshot, msgspec.Raw(planned.fragment))
    mapped = mapped_by(rules, [Change(planned.keys, 0, body)], f"snapshot {order.snapshot}", policy)
    if isinstance(mapped, Rejection):
        return mapped.reason
    return "profile_too_large" if len(encode_row(mapped)) > MAX_ROW else None
