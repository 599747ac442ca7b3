"""Compares an audience's list with the membership ledger, and repairs the list if the order says so.

watch -> drain -> base (the list is read) -> apply -> finish, like a snapshot, whose place the ledger takes. People who
change meanwhile are left out, because their change may be on the list already and not yet in the ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing

from queues.clock import now_ms
from queues.snapshots import comparisons, guard, orders, rosters
from queues.snapshots.comparisons import Differing
from queues.snapshots.rosters import Identities
from snapshots.plan import verdict
from worker.errors import Later
from worker.lists import list_of
from worker.snapshots.apply import queue_bucket, wait_for_room
from worker.snapshots.baseline import newer_people, read_list
from worker.snapshots.difference import ListDifference, drift, forget_attributes, repairs
from worker.snapshots.roster import Roster
from worker.snapshots.run import SnapshotRun

log = logging.getLogger(__name__)


def compare(of: SnapshotRun) -> None:
    """Continue from reading the list to the end. Raises NotAccepted, Later, Held, LeaseLost."""
    redis = of.delivery.redis
    if of.course.step == "base":
        _read(of)
    if rosters.portions(redis, of.order.snapshot) < of.course.portions:
        of.begin_again()
        raise Later(f"comparison {of.order.snapshot}: the stored copy of the list is too old; it is read again", 1.0)
    with closing(Roster(_people(of))) as roster:
        found = drift(redis, of.audience, roster)
    found = found.without(newer_people(of, {*found.strangers, *found.missing}))
    if of.course.step == "plan":
        _judge(of, found)
    if of.course.step == "apply":
        _repair(of, found)


def _read(of: SnapshotRun) -> None:
    of.record.state = "reading"
    of.course.list_id = of.course.list_id or list_of(of.aimed, create=False) or ""
    if of.course.list_id:
        read_list(of)
    of.course.step = "plan"
    of.note()


def _people(of: SnapshotRun) -> Iterator[Identities]:
    for some in rosters.read(of.delivery.redis, of.order.snapshot):
        of.renew()
        yield from some


def _judge(of: SnapshotRun, found: ListDifference) -> None:
    """Write down what differs, and decide whether it is repaired."""
    redis, differ = of.delivery.redis, bool(found.strangers or found.missing)
    of.record.drift = {"on_the_list_only": len(found.strangers), "in_the_ledger_only": len(found.missing)}
    why = _kept_back(of, found) if differ and of.order.repair else ""
    if differ and (why or not of.order.repair):
        comparisons.note(redis, of.audience, Differing(now_ms(), len(found.strangers), len(found.missing), why))
    else:
        comparisons.forget(redis, of.audience)
    log.info(
        "comparison %s: %d on the list of %s only, %d in the ledger only; %s",
        of.order.snapshot,
        len(found.strangers),
        of.audience,
        len(found.missing),
        "the list is repaired" if differ and of.order.repair and not why else "nothing is changed",
    )
    if differ and of.order.repair and not why:
        of.record.counts, of.record.state, of.course.step = found.counts(), "comparing", "apply"
    else:
        of.record.error, of.course.step = why, "finish"
    of.note()


def _kept_back(of: SnapshotRun, found: ListDifference) -> str:
    """Return why too many people would be removed without a person's review; empty if not."""
    earlier = guard.removed_lately(orders.records(of.delivery.redis, of.delivery.batch.queue), now_ms())
    why = verdict(found.counts(), of.connection.removal_limit(of.audience.target), earlier)
    return f"not repaired: {why.replace('the snapshot', 'the repair')}" if why else ""


def _repair(of: SnapshotRun, found: ListDifference) -> None:
    wait_for_room(of)
    redis = of.delivery.redis
    forget_attributes(redis, of.audience, found.missing)
    for bucket, changes in repairs(redis, of.audience, found, of.order.snapshot):
        if bucket >= of.course.bucket:
            of.renew()
            queue_bucket(of, bucket, changes)
    of.course.step = "finish"
    of.note()
