"""The membership ledger: who is known to be on the list of an audience, kept from its first snapshot on.

4,096 buckets by a hash of the identity, each a compressed record of its members: some 20 bytes a member, and a change
of one person reads and writes one bucket. A Redis hash field for each member would take 100 bytes and more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, cast

from redis import Redis

from queues import keys, scripts
from queues.batches import Batch
from queues.errors import LeaseLost
from queues.names import Queue
from queues.snapshots import orders
from queues.snapshots.buckets import (
    BUCKETS,
    PERHAPS,
    Bucket,
    Member,
    bucket_of,
    dump,
    gone_key,
    identifiers,
    identities,
    identity,
    load,
    tidied,
)

__all__ = [
    "BUCKETS",
    "PERHAPS",
    "Bucket",
    "Change",
    "Member",
    "bucket_of",
    "gone_key",
    "identifiers",
    "identities",
    "identity",
    "tidied",
]

#: Buckets written in one go: of five million members 2 MB, which hold up everybody else for some 10 ms.
_AT_ONCE: Final = 64
#: ms for which snapshots of a time before somebody's erasure do not bring the person back (30 days).
ERASED_MS: Final = 30 * 86_400_000

#: The number of a bucket, and the bucket as it is -> as it shall be; pure.
Change = Callable[[int, Bucket], Bucket]


def is_kept(redis: Redis, queue: Queue) -> bool:
    """Whether a snapshot has ever come for the audience of this queue, so that its members are kept."""
    return bool(redis.hexists(keys.queue(queue), "mirrored"))


def begin(redis: Redis, queue: Queue, snapshot_id: str, until: int | None = None) -> None:
    """From now on its members are kept, and the persons of every change that comes are noted until `end`.

    For the same snapshot again: those noted stay noted. `until`: ms, where nobody takes up what dies before its end.
    """
    if redis.hget(keys.queue(queue), "watching") == snapshot_id.encode():
        return
    with redis.pipeline(transaction=True) as pipe:
        pipe.unlink(keys.queue(queue, "recent"))
        pipe.hdel(keys.queue(queue), "watching_until")
        pipe.hset(keys.queue(queue), mapping={"mirrored": 1, "watching": snapshot_id})
        if until is not None:
            pipe.hset(keys.queue(queue), "watching_until", until)
        pipe.execute()


def end(redis: Redis, queue: Queue, snapshot_id: str, at: int | None = None) -> bool:
    """A snapshot is over, and whoever changes is noted no longer unless another one has begun; whether none had.

    `at`: its time in ms where it was carried out: that of the last snapshot from now on, unless a later one was.
    """
    script_keys = [keys.queue(queue), keys.queue(queue, "recent")]
    return bool(scripts.run(redis, "unwatch", script_keys, [snapshot_id, "" if at is None else at]))


def let_go_of_lapsed(redis: Redis, queues: Sequence[Queue], now: int) -> list[Queue]:
    """End what began with an `until` that is over, for its process died; of which queues. `now`: ms."""
    with redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.hmget(keys.queue(queue), "watching_until", "watching")
        found = cast("list[tuple[bytes | None, bytes]]", pipe.execute())
    lapsed = [(queue, who) for queue, (until, who) in zip(queues, found, strict=True) if until and int(until) < now]
    return [queue for queue, who in lapsed if end(redis, queue, who.decode())]


def snapshot_at(redis: Redis, queue: Queue) -> int:
    """The time in ms of the last snapshot that was carried out; 0 when none was."""
    return int(cast("bytes | None", redis.hget(keys.queue(queue), "snapshot_at")) or 0)


def read(redis: Redis, queue: Queue, numbers: Iterable[int]) -> dict[int, Bucket]:
    """These buckets; empty ones too. A thousand members take about a ms."""
    wanted = [*numbers]
    stored = cast("list[bytes | None]", redis.hmget(keys.queue(queue, "members"), wanted)) if wanted else []
    return {number: load(value) for number, value in zip(wanted, stored, strict=True)}


def edit(redis: Redis, queue: Queue, numbers: Collection[int], change: Change, held: Batch | None = None) -> None:
    """Write these buckets as `change` makes them.

    Compare and set: a bucket that somebody else has written meanwhile is read and changed again. `held`: a batch of
    this queue; raises LeaseLost, with nothing more written, when another worker has it.
    """
    left = sorted({*numbers})
    while left:
        part, left = left[:_AT_ONCE], left[_AT_ONCE:]
        left += _edit(redis, queue, part, change, held)


def _edit(redis: Redis, queue: Queue, numbers: Sequence[int], change: Change, held: Batch | None) -> list[int]:
    """The numbers of those that somebody else has written meanwhile."""
    members = keys.queue(queue, "members")
    fence = keys.batch(held.id) if held else keys.queue(queue)
    stored = cast("list[bytes | None]", redis.hmget(members, [str(number) for number in numbers]))
    args: list[str | int | bytes] = [held.token if held else ""]
    for number, value in zip(numbers, stored, strict=True):
        after = dump(change(number, load(value)))
        if after != (value or b""):
            args += [number, hashlib.sha1(value or b"", usedforsecurity=False).hexdigest(), after]
    answer = scripts.run(redis, "members", [members, fence], args)
    if answer is None and held:
        raise LeaseLost(held.id)
    return [int(number) for number in answer]


def forget(
    redis: Redis, queues: Iterable[Queue], members: Collection[str], persons: Collection[str], until: int
) -> None:
    """Take a person who asked for it out of the ledgers of audiences; no snapshot of a time before brings them back.

    `queues`: those of snapshots lead to the audiences, also to one whose first snapshot still waits. `members`: what
    `identity` makes of each identifier. `persons`: person keys. `until`: ms at which it was asked for. May be repeated.
    Nothing is kept out of a first snapshot that is staged and was not submitted yet.
    """
    wanted = {*members}

    def without(_: int, bucket: Bucket) -> Bucket:
        left = {member: known for member, known in bucket.members.items() if member not in wanted}
        return Bucket(left, bucket.gone)

    for queue in queues:
        if queue.kind == orders.KIND:
            audience = orders.audience_of(queue)
            _keep_out(redis, audience, persons, until)
            edit(redis, audience, {bucket_of(member) for member in wanted}, without)


def _keep_out(redis: Redis, queue: Queue, persons: Collection[str], until: int) -> None:
    if not persons:
        return
    erased = keys.queue(queue, "erased")
    with redis.pipeline(transaction=True) as pipe:
        pipe.zadd(erased, dict.fromkeys(persons, until), gt=True)
        pipe.zremrangebyscore(erased, "-inf", until - ERASED_MS)
        pipe.pexpire(erased, ERASED_MS)
        pipe.execute()
