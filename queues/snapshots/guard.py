"""The guard's hold on an audience's snapshots: a person says go on, or a newer snapshot replaces the held one.

Which snapshot of an audience counts, and whom single changes have overtaken since it is carried out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, cast

import msgspec
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from queues import batches, holds, keys
from queues.change import decode
from queues.clock import now_ms
from queues.names import Queue
from queues.snapshots.orders import SnapshotOrder, order_of

#: Reason of the hold that the guard places.
GUARD: Final = "snapshot_guard"


def confirm(redis: Redis, queue: Queue, snapshot_id: str) -> None:
    """A person has seen what this snapshot would do and wants it done; to be said before the hold is released."""
    redis.hset(keys.queue(queue), "confirmed", snapshot_id)


def is_confirmed(redis: Redis, queue: Queue, snapshot_id: str) -> bool:
    """Whether a person has said so of this snapshot."""
    return redis.hget(keys.queue(queue), "confirmed") == snapshot_id.encode()


def replace_held(redis: Redis, queue: Queue) -> bool:
    """A newer snapshot is submitted: the hold of the guard ends, a worker looks at the older one; was it held?"""
    if _guards(cast("bytes | None", redis.hget(keys.queue(queue), "hold"))):
        return holds.release(redis, queue)
    batches.hasten(redis, queue, now_ms())
    return False


async def replace_held_async(redis: AsyncRedis, queue: Queue) -> bool:
    """As `replace_held`."""
    held = _guards(cast("bytes | None", await redis.hget(keys.queue(queue), "hold")))
    opened = cast("list[bytes]", await redis.zrange(keys.queue(queue, "batches"), 0, -1))
    async with redis.pipeline(transaction=False) as pipe:
        if held:
            pipe.hdel(keys.queue(queue), "hold")
        for batch_id in opened:
            pipe.zadd(keys.partition(queue.partition, "ring"), {batch_id: now_ms()}, xx=True, lt=True)
        pipe.lpush(keys.WAKE, 1)
        pipe.ltrim(keys.WAKE, 0, 0)
        await pipe.execute()
    return held


def _guards(hold: bytes | None) -> bool:
    return hold is not None and holds.decode(hold).reason == GUARD


def waiting(redis: Redis, queue: Queue) -> list[SnapshotOrder]:
    """The snapshots that wait in this queue, in the order in which they came; not those of a newer Ferry."""
    found = []
    for stored in cast("list[bytes]", redis.lrange(keys.queue(queue, "pending"), 0, -1)):
        with suppress(msgspec.DecodeError):
            found.append(order_of(bytes(decode(stored).body.person)))
    return found


def overtaken(order: SnapshotOrder, others: Sequence[SnapshotOrder], carried_out: int, now: int) -> bool:
    """Whether a snapshot is not carried out, for another one says more. Pure; times in ms.

    `others`: those that wait behind it. `carried_out`: the time of the last one that was. One that waits for a launch
    of its own leaves the time before that to this one, and one that came later but is older gives way itself.
    """
    due = max(now, order.not_before)
    return order.at < carried_out or any(other.at >= order.at and other.not_before <= due for other in others)


def open_batches(redis: Redis, queue: Queue) -> list[str]:
    """The ids of the batches of a queue that are not settled."""
    return [batch_id.decode() for batch_id in cast("list[bytes]", redis.zrange(keys.queue(queue, "batches"), 0, -1))]


def recent(redis: Redis, queue: Queue, persons: Sequence[str]) -> set[str]:
    """Those of these keys, which name persons, that a single change carried since `members.begin` (accept.lua)."""
    if not persons:
        return set()
    noted = [*persons, *(f"+{person}" for person in persons)]
    found = cast("list[int]", redis.smismember(keys.queue(queue, "recent"), noted))
    return {person for person, is_recent in zip([*persons] * 2, found, strict=True) if is_recent}


def list_of_ledger(redis: Redis, queue: Queue) -> str | None:
    """Which list the membership ledger speaks of; empty: of none that was there yet. `queue`: that of the snapshots."""
    known = cast("bytes | None", redis.hget(keys.queue(queue), "list_id"))
    return None if known is None else known.decode()


def note_list(redis: Redis, queue: Queue, list_id: str) -> None:
    """From now on the membership ledger speaks of this list."""
    redis.hset(keys.queue(queue), "list_id", list_id)
