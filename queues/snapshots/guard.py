"""The guard's hold on an audience's snapshots: a person confirms, or a newer snapshot replaces the held one.

This module also decides which snapshot of an audience counts, and finds people with newer single changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, cast

import msgspec
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from queues import batches, holds, keys, pending, scripts
from queues.change import decode
from queues.clock import now_ms
from queues.names import Queue
from queues.snapshots import orders
from queues.snapshots.orders import Record, SnapshotOrder, order_of
from queues.snapshots.outcomes import is_carried_out

#: Reason of the hold that the guard places.
GUARD: Final = "snapshot_guard"


#: ms over which the guard adds up removals.
DAY_MS: Final = 86_400_000


def removed_lately(records: Sequence[Record], now: int) -> int:
    """Return how many people the snapshots of the last 24 hours took off, since the last confirmed one. Pure.

    Also those that were superseded, or ended, after some of their changes were queued. `records`: newest first. `now`:
    ms.
    """
    removed = 0
    for record in records:
        is_begun = is_carried_out(record) or record.outcomes.changes > 0
        if not is_begun or record.counts is None or (record.ended or 0) <= now - DAY_MS:
            continue
        if record.confirmed:
            break
        removed += record.counts.removals
    return removed


def confirm(redis: Redis, queue: Queue, snapshot_id: str) -> None:
    """Record that a person has confirmed this snapshot. Call it before the hold is released."""
    redis.hset(keys.queue(queue), "confirmed", snapshot_id)


def forget_confirmation(redis: Redis, queue: Queue) -> None:
    """Forget what a person has confirmed: what follows is beyond the numbers that were seen."""
    redis.hdel(keys.queue(queue), "confirmed")


def is_confirmed(redis: Redis, queue: Queue, snapshot_id: str) -> bool:
    """Return whether a person has confirmed this snapshot."""
    return redis.hget(keys.queue(queue), "confirmed") == snapshot_id.encode()


def replace_held(redis: Redis, queue: Queue) -> bool:
    """End the guard's hold, because a newer snapshot is submitted, and ring for the older; return if it was held."""
    if _guards(cast("bytes | None", redis.hget(keys.queue(queue), "hold"))):
        return holds.release(redis, queue)
    batches.hasten(redis, queue, now_ms())
    return False


def submit(redis: Redis, queue: Queue, record: Record, audience: bytes) -> None:
    """Submit a staged snapshot, which replaces one that the guard holds, and wake a scheduler. Raises QueueFull.

    `audience`: JSON to remember. May be repeated.
    """
    orders.submit(redis, queue, record, audience, now_ms())
    replace_held(redis, queue)
    pending.wake(redis)


async def replace_held_async(redis: AsyncRedis, queue: Queue) -> bool:
    """End the guard's hold as `replace_held` does."""
    held = _guards(cast("bytes | None", await redis.hget(keys.queue(queue), "hold")))
    opened = cast("list[bytes]", await redis.zrange(keys.queue(queue, "batches"), 0, -1))
    async with redis.pipeline(transaction=False) as pipe:
        if held:
            scripts.queue_up(pipe, "hold", [keys.queue(queue)], [""])
        for batch_id in opened:
            pipe.zadd(keys.partition(queue.partition, "ring"), {batch_id: now_ms()}, xx=True, lt=True)
        pipe.lpush(keys.WAKE, 1)
        pipe.ltrim(keys.WAKE, 0, 0)
        await pipe.execute()
    return held


def _guards(hold: bytes | None) -> bool:
    return hold is not None and holds.decode(hold).reason == GUARD


def waiting(redis: Redis, queue: Queue) -> list[SnapshotOrder]:
    """Return the pending snapshots of this queue in order of arrival, without comparisons and a newer Ferry's."""
    found = []
    for stored in cast("list[bytes]", redis.lrange(keys.queue(queue, "pending"), 0, -1)):
        with suppress(msgspec.DecodeError):
            order = order_of(bytes(decode(stored).body.person))
            if not order.compares:
                found.append(order)
    return found


def overtaken(order: SnapshotOrder, others: Sequence[SnapshotOrder], carried_out: int, now: int) -> bool:
    """Return whether a snapshot is not carried out because another one supersedes it. Pure; times in ms.

    `others`: the pending ones behind it. `carried_out`: the time of the last one carried out. A snapshot with a later
    launch does not supersede this one before its launch, nor does one that arrived later but is older.
    """
    due = max(now, order.not_before)
    return order.at < carried_out or any(other.at >= order.at and other.not_before <= due for other in others)


def open_batches(redis: Redis, queue: Queue) -> list[str]:
    """Return the ids of the open batches of a queue."""
    return [batch_id.decode() for batch_id in cast("list[bytes]", redis.zrange(keys.queue(queue, "batches"), 0, -1))]


def recent(redis: Redis, queue: Queue, persons: Sequence[str]) -> set[str]:
    """Return the keys, which name people, that a single change has carried since `members.begin` (accept.lua)."""
    if not persons:
        return set()
    noted = [*persons, *(f"+{person}" for person in persons)]
    found = cast("list[int]", redis.smismember(keys.queue(queue, "recent"), noted))
    return {person for person, is_recent in zip([*persons] * 2, found, strict=True) if is_recent}


def list_of_ledger(redis: Redis, queue: Queue) -> str | None:
    """Return the list that the membership ledger describes; empty: no list yet. `queue`: that of the snapshots."""
    known = cast("bytes | None", redis.hget(keys.queue(queue), "list_id"))
    return None if known is None else known.decode()


def note_list(redis: Redis, queue: Queue, list_id: str) -> None:
    """Set the list that the membership ledger describes."""
    redis.hset(keys.queue(queue), "list_id", list_id)
