"""Queue the changes that make Klaviyo's list equal to the membership ledger, when an operator asks."""

from __future__ import annotations

from typing import Final

from redis import Redis

from ops.errors import Failed
from queues import pending
from queues.clock import now_ms
from queues.errors import QueueFull, SnapshotReplaced
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.snapshots import comparisons, mirror
from snapshots.plan import verdict
from worker.snapshots.difference import ListDifference, forget_attributes, repairs

_INSTEAD: Final = "Sync the whole membership instead: ferry sync --reconcile"


def repair(redis: Redis, queue: Queue, policy: FlushPolicy, found: ListDifference, watch: str, percent: int) -> int:
    """Queue and flush the changes; return how many are left out because a newer change came since `watch` began.

    Raises Failed when too many people would be removed without review (`percent`: max_removal_percent), when the queue
    is full, and when a snapshot arrives in between.
    """
    if why := verdict(found.counts(), percent):
        raise Failed(f"not repaired: {why.replace('the snapshot', 'the repair')}. {_INSTEAD}")
    forget_attributes(redis, queue, found.missing)
    left_out = 0
    for number, part in repairs(redis, queue, found, watch):
        try:
            left_out += mirror.mirror(redis, queue, policy, watch, number, part, b"", now_ms())
        except (QueueFull, SnapshotReplaced) as fault:
            raise Failed(f"repaired in part: {fault}. Repeat `ferry reconcile` when that is over") from fault
    comparisons.forget(redis, queue)
    pending.flush(redis, queue, now_ms())
    pending.wake(redis)
    return left_out
