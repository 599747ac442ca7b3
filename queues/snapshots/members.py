"""The membership ledger: the known members of an audience's list, kept from its first snapshot on.

It has 4,096 buckets by a hash of the identity, each a compressed record of its members: about 20 bytes a member, and a
change of one person reads and writes one bucket. A Redis hash field for each member would take 100 bytes or more.
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

#: Buckets written at once: 2 MB with five million members, which block Redis for about 10 ms.
_AT_ONCE: Final = 64
#: ms for which older snapshots cannot bring an erased person back (30 days).
ERASED_MS: Final = 30 * 86_400_000

#: Returns the new bucket for a bucket's number and the old bucket. Pure.
Change = Callable[[int, Bucket], Bucket]


def is_kept(redis: Redis, queue: Queue) -> bool:
    """Return whether this queue's audience has ever had a snapshot, so that its members are kept."""
    return bool(redis.hexists(keys.queue(queue), "mirrored"))


def begin(redis: Redis, queue: Queue, snapshot_id: str, until: int | None = None) -> None:
    """Start keeping the members, and recording the people of every change that arrives until `end`.

    A repeated call for the same snapshot keeps the recorded people. `until`: ms, for a process that no other one
    resumes
    if it dies.
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
    """End a snapshot and the recording of changed people; return False, with that going on, if another has begun.

    `at`: its time in ms if it was carried out, which becomes the time of the last snapshot unless a later one was.
    """
    script_keys = [keys.queue(queue), keys.queue(queue, "recent")]
    return bool(scripts.run(redis, "unwatch", script_keys, [snapshot_id, "" if at is None else at]))


def let_go_of_lapsed(redis: Redis, queues: Sequence[Queue], now: int) -> list[Queue]:
    """End what has passed its `until`, because its process died; return its queues. `now`: ms."""
    with redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.hmget(keys.queue(queue), "watching_until", "watching")
        found = cast("list[tuple[bytes | None, bytes]]", pipe.execute())
    lapsed = [(queue, who) for queue, (until, who) in zip(queues, found, strict=True) if until and int(until) < now]
    return [queue for queue, who in lapsed if end(redis, queue, who.decode())]


def snapshot_at(redis: Redis, queue: Queue) -> int:
    """Return the time in ms of the last snapshot carried out, 0 if none was."""
    return int(cast("bytes | None", redis.hget(keys.queue(queue), "snapshot_at")) or 0)


def read(redis: Redis, queue: Queue, numbers: Iterable[int]) -> dict[int, Bucket]:
    """Return these buckets, including empty ones. A thousand members take about a ms."""
    wanted = [*numbers]
    stored = cast("list[bytes | None]", redis.hmget(keys.queue(queue, "members"), wanted)) if wanted else []
    return {number: load(value) for number, value in zip(wanted, stored, strict=True)}


def edit(redis: Redis, queue: Queue, numbers: Collection[int], change: Change, held: Batch | None = None) -> None:
    """Apply `change` to these buckets.

    Compare and set: a bucket that another process has written meanwhile is read and changed again. `held`: a batch of
    this queue; raises LeaseLost, with nothing more written, when another worker has it.
    """
    left = sorted({*numbers})
    while left:
        part, left = left[:_AT_ONCE], left[_AT_ONCE:]
        left += _edit(redis, queue, part, change, held)


def _edit(redis: Redis, queue: Queue, numbers: Sequence[int], change: Change, held: Batch | None) -> list[int]:
    """Edit these buckets once; return the numbers of those that another process has written meanwhile."""
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
    """Remove a person on request from the ledgers of audiences; no older snapshot brings the person back.

    `queues`: the snapshot queues among them lead to the audiences, including those whose first snapshot is pending.
    `members`: the result of `identity` for each identifier. `persons`: person keys. `until`: ms of the request. May be
    repeated. The person is not kept out of a first snapshot that is staged but not submitted yet.
    """
    wanted = {*members}
    keys_of_wanted = {*map(gone_key, wanted)}

    def without(_: int, bucket: Bucket) -> Bucket:
        left = {member: known for member, known in bucket.members.items() if member not in wanted}
        filled = {key: fields for key, fields in bucket.filled.items() if key not in keys_of_wanted}
        return Bucket(left, bucket.gone, filled)

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
