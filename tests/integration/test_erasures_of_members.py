"""Whoever asks to be forgotten leaves the membership ledgers, and no snapshot from before brings them back."""

from __future__ import annotations

import msgspec
import pytest

from queues import keys
from queues.acceptance import Acceptance, accept
from queues.change import Body, encode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.policy import OF_KIND, FlushPolicy
from queues.snapshots import members, orders
from queues.snapshots.members import Bucket, Member
from queues.snapshots.mirror import mirror
from queues.snapshots.orders import Record, SnapshotOrder
from tests.support.world import QUEUE, World

ERASURES = Queue("default", "erasure", "erasures")
SYNCS = orders.queue_of("default", QUEUE.target)
GONE = {"email": "Gone@example.com", "phone": "+14155552671", "external_id": "customer-7"}
IDENTITIES = ("email:gone@example.com", "phone_number:+14155552671", "external_id:customer-7")
KEYS = (
    person_key("email", "gone@example.com"),
    person_key("external_id", "customer-7"),
    person_key("phone", "14155552671"),
)


def enter(world: World, *identities: str) -> None:
    """Put these into the ledger of the audience."""

    def change(number: int, bucket: Bucket) -> Bucket:
        mine = [identity for identity in identities if members.bucket_of(identity) == number]
        return Bucket({**bucket.members, **dict.fromkeys(mine, Member(1))}, bucket.gone)

    members.edit(world.redis, QUEUE, {members.bucket_of(identity) for identity in identities}, change)


def known(world: World) -> set[str]:
    found = members.read(world.redis, QUEUE, range(members.BUCKETS)).values()
    return {identity for bucket in found for identity in bucket.members}


def ask(world: World) -> str:
    """The person asks; the batch that is taken at once."""
    now = now_ms()
    change = encode(KEYS, now, Body("erase", now, "changes", "m", msgspec.Raw(msgspec.json.encode(GONE))))
    accept(world.redis, Acceptance(ERASURES, OF_KIND["erasure"], "", [change]), now)
    return World(world.redis, world.klaviyo, ERASURES).take()


def submitted(world: World) -> SnapshotOrder:
    """A snapshot waits to be carried out."""
    order = SnapshotOrder(orders.new_id(SYNCS), now_ms(), "csv")
    orders.submit(world.redis, SYNCS, Record(str(SYNCS), order, order.at, 0), b"", order.at)
    return order


def brought(world: World, order: SnapshotOrder) -> int:
    """How many of two people the snapshot does not bring, the one who asked and another."""
    bodies = [Body("add", order.at, "snapshot", order.snapshot, msgspec.Raw(b"{}")) for _ in range(2)]
    names = [KEYS[0], person_key("email", "stays@example.com")]
    changes = [encode((name,), now_ms(), body) for name, body in zip(names, bodies, strict=True)]
    return mirror(world.redis, QUEUE, FlushPolicy(), order.snapshot, 0, changes, b"", now_ms())


def waiting(world: World) -> int:
    return world.redis.llen(keys.queue(QUEUE, "pending"))


@pytest.mark.parametrize("begun", [False, True], ids=["waits", "is carried out"])
def test_the_person_leaves_the_ledger_and_a_snapshot_that_waits_does_not_bring_them_back(
    world: World, begun: bool
) -> None:
    order = submitted(world)
    if begun:
        members.begin(world.redis, QUEUE, order.snapshot)
    enter(world, *IDENTITIES, "email:stays@example.com")
    world.ring(ask(world))
    assert known(world) == {"email:stays@example.com"}
    members.begin(world.redis, QUEUE, order.snapshot)
    assert brought(world, order) == 1
    assert waiting(world) == 1


def test_what_a_snapshot_brought_between_the_asking_and_the_forgetting_is_taken_back(world: World) -> None:
    order = submitted(world)
    members.begin(world.redis, QUEUE, order.snapshot)
    erasure = ask(world)
    assert brought(world, order) == 0
    world.ring(erasure)
    assert waiting(world) == 1


def test_a_snapshot_from_after_the_asking_is_a_new_beginning(world: World) -> None:
    submitted(world)
    world.ring(ask(world))
    order = submitted(world)
    members.begin(world.redis, QUEUE, order.snapshot)
    assert brought(world, order) == 0


def test_nothing_of_the_person_stays_in_redis_but_hashes(world: World) -> None:
    submitted(world)
    enter(world, *IDENTITIES)
    world.ring(ask(world))
    assert not world.redis.exists(keys.queue(QUEUE, "members"))
    kept_out = [world.redis.zscore(keys.queue(QUEUE, "erased"), key) is not None for key in KEYS]
    assert kept_out == [True, True, False], "a phone is perhaps somebody else's, too"
    for key in world.redis.scan_iter():
        assert b"gone" not in (world.redis.dump(key) or b"").lower()
