"""The difference between Klaviyo's list and the membership ledger, and the changes that make the list equal to it.

A repair states nothing new about a person: its changes have the ledger's times, so that newer changes win.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec
from redis import Redis

from queues.change import Body, encode
from queues.clock import now_ms
from queues.names import Queue
from queues.snapshots import members, orders
from queues.snapshots.members import BUCKETS, PERHAPS, Bucket, Member, bucket_of
from queues.snapshots.orders import Counts
from snapshots.plan import Action
from snapshots.rows import of_member
from worker.snapshots.roster import Roster

#: Buckets read at a time.
_GROUP: Final = 64


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

    def without(self, people: Collection[str]) -> ListDifference:
        """Return the differences without these identities."""
        strangers = [name for name in self.strangers if name not in people]
        missing = {name: at for name, at in self.missing.items() if name not in people}
        return ListDifference(self.ledger, self.listed, strangers, missing)

    def counts(self) -> Counts:
        """Return the counts of a repair, in which the ledger is the file."""
        return Counts(
            *(self.ledger, self.ledger, self.ledger),
            held=self.listed,
            adds=len(self.missing),
            removals=len(self.strangers),
            unchanged=self.ledger - len(self.missing),
        )


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


def forget_attributes(redis: Redis, queue: Queue, missing: Collection[str]) -> None:
    """Forget the attributes of missing people, whom Klaviyo may have deleted, so that the next snapshot sends them."""

    def change(_: int, bucket: Bucket) -> Bucket:
        bare = {name: Member(known.at) for name, known in bucket.members.items() if name in missing}
        return Bucket(bucket.members | bare, bucket.gone, bucket.filled)

    members.edit(redis, queue, {bucket_of(name) for name in missing}, change)


def repairs(redis: Redis, queue: Queue, found: ListDifference, watch: str) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the changes that make the list equal to the ledger, as stored, by the number of the bucket, in order.

    `watch`: the id under which changed people are recorded meanwhile.
    """
    last = members.snapshot_at(redis, queue)
    changes: dict[int, list[tuple[Action, str, int]]] = {}
    for name, at in found.missing.items():
        changes.setdefault(bucket_of(name), []).append(("add", name, at))
    for name in found.strangers:
        changes.setdefault(bucket_of(name), []).append(("remove", name, last))
    for number in sorted(changes):
        yield number, [_encoded(action, name, at, watch) for action, name, at in changes[number]]


def _encoded(action: Action, name: str, at: int, watch: str) -> bytes:
    keys, fragment = of_member(name)
    return encode(keys, now_ms(), Body(action, at, orders.KIND, watch, msgspec.Raw(fragment)))
