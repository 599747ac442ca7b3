"""Compare Klaviyo's list with the membership ledger, and queue the changes that correct the list."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import msgspec
from redis import Redis

from ops.errors import Failed
from ops.roster import Roster
from queues import pending
from queues.change import Body, encode
from queues.clock import now_ms
from queues.errors import QueueFull, SnapshotReplaced
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.snapshots import members, mirror, orders
from queues.snapshots.members import BUCKETS, PERHAPS, Bucket, Member, bucket_of
from queues.snapshots.orders import Counts
from snapshots.plan import Action, verdict
from snapshots.rows import of_member

#: Buckets read at a time, and changes queued at a time.
_GROUP: Final = 64
_PART: Final = 1_000
_INSTEAD: Final = "Sync the whole membership instead: ferry sync --reconcile"


@dataclass(slots=True)
class ListDifference:
    """The differences, by identity. `ledger`: number of members in the ledger. `listed`: number of people on the list.

    `strangers`: people on the list who are not in the ledger. `missing`: members who are not on the list, with the time
    in ms of the change that added them; members that the ledger is unsure of are left out.
    """

    ledger: int = 0
    listed: int = 0
    strangers: list[str] = field(default_factory=list)
    missing: dict[str, int] = field(default_factory=dict)


def drift(redis: Redis, queue: Queue, roster: Roster) -> ListDifference:
    """Compare all members of the ledger with the list. Raises redis.RedisError."""
    found = ListDifference(listed=roster.size)
    for number, bucket in _buckets(redis, queue):
        listed = roster.find(number, bucket.members)
        found.ledger += len(bucket.members)
        sure = ((name, known.at) for name, known in bucket.members.items() if known.at != PERHAPS)
        found.missing |= {name: at for name, at in sure if name not in listed}
    # Only after all buckets: the ledger may know a person by an identity of another bucket.
    for number in range(BUCKETS):
        found.strangers += roster.strangers(number)
    return found


def _buckets(redis: Redis, queue: Queue) -> Iterator[tuple[int, Bucket]]:
    for start in range(0, BUCKETS, _GROUP):
        yield from members.read(redis, queue, range(start, start + _GROUP)).items()


def repair(redis: Redis, queue: Queue, policy: FlushPolicy, found: ListDifference, watch: str, percent: int) -> int:
    """Queue and flush the changes; return how many are left out because a newer change came since `watch` began.

    They have the ledger's times, so newer changes win. Raises Failed when too many people would be removed without
    review (`percent`: max_removal_percent), when the queue is full, and when a snapshot arrives in between.
    """
    counts = Counts(people=found.ledger, held=found.listed, removals=len(found.strangers))
    if why := verdict(counts, percent):
        raise Failed(f"not repaired: {why.replace('the snapshot', 'the repair')}. {_INSTEAD}")
    _forget_attributes(redis, queue, found.missing)
    left_out = 0
    for number, part in enumerate(_parts(redis, queue, found, watch)):
        try:
            left_out += mirror.mirror(redis, queue, policy, watch, number, part, b"", now_ms())
        except (QueueFull, SnapshotReplaced) as fault:
            raise Failed(f"repaired in part: {fault}. Repeat `ferry reconcile` when that is over") from fault
    pending.flush(redis, queue, now_ms())
    pending.wake(redis)
    return left_out


def _forget_attributes(redis: Redis, queue: Queue, missing: Collection[str]) -> None:
    """Forget the attributes of missing people, whom Klaviyo may have deleted, so that the next snapshot sends them."""

    def change(_: int, bucket: Bucket) -> Bucket:
        bare = {name: Member(known.at) for name, known in bucket.members.items() if name in missing}
        return Bucket(bucket.members | bare, bucket.gone, bucket.filled)

    members.edit(redis, queue, {bucket_of(name) for name in missing}, change)


def _parts(redis: Redis, queue: Queue, found: ListDifference, watch: str) -> Iterator[list[bytes]]:
    changes = _changes(redis, queue, found, watch)
    while part := list(islice(changes, _PART)):
        yield part


def _changes(redis: Redis, queue: Queue, found: ListDifference, watch: str) -> Iterator[bytes]:
    for name, at in found.missing.items():
        yield _encoded("add", name, at, watch)
    last = members.snapshot_at(redis, queue)
    for name in found.strangers:
        yield _encoded("remove", name, last, watch)


def _encoded(action: Action, name: str, at: int, watch: str) -> bytes:
    keys, fragment = of_member(name)
    return encode(keys, now_ms(), Body(action, at, orders.KIND, watch, msgspec.Raw(fragment)))
