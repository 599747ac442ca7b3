"""Snapshots: the whole membership of an audience at one time, stored from its first byte until it is carried out.

The body is staged unchanged in compressed pieces, so that the intake and the workers need memory for one piece only,
and any worker can carry it out. The order to carry it out is a change of the queue `connection/snapshot/<audience>`.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterator
from typing import Final, cast

import msgspec
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import ResponseError

from queues import keys, scripts
from queues.acceptance import Acceptance, AcceptResult, accept
from queues.change import Body, Change, encode, nobody_key
from queues.errors import QueueFull, SnapshotGone
from queues.names import Queue
from queues.policy import OF_KIND
from queues.snapshots.outcomes import record, records
from queues.snapshots.records import (
    Counts,
    Format,
    Record,
    SnapshotOrder,
    State,
    close,
    keep,
    note,
    opened,
    withdrawn,
)

__all__ = [
    "PIECE",
    "Counts",
    "Format",
    "Record",
    "SnapshotOrder",
    "State",
    "body",
    "close",
    "compress",
    "keep",
    "kept_async",
    "note",
    "opened",
    "record",
    "records",
    "stage",
    "stage_async",
    "withdrawn",
]

KIND: Final = "snapshot"


def queue_of(connection: str, audience: str) -> Queue:
    """Return the queue of an audience's snapshots."""
    return Queue(connection, KIND, audience)


def audience_of(queue: Queue) -> Queue:
    """Return the audience's queue for a queue of snapshots."""
    return Queue(queue.connection, "audience", queue.target)


def new_id(queue: Queue) -> str:
    """Return a new id for a snapshot of this queue."""
    return f"{queue.partition:02d}-{uuid.uuid4().hex}"


def change_of(queue: Queue, order: SnapshotOrder, now: int) -> bytes:
    """Return the change that orders a snapshot; all of one audience have the same person key, which keeps order."""
    fragment = msgspec.Raw(msgspec.json.encode(order))
    return encode((nobody_key(str(queue)),), now, Body("replace", order.at, KIND, order.snapshot, fragment))


def order_of(person: bytes) -> SnapshotOrder:
    """Return the order in a change. Raises msgspec.DecodeError for an unknown form."""
    return msgspec.json.decode(person, type=SnapshotOrder)


def compares(change: Change) -> bool:
    """Return whether a change orders a comparison of the list with the ledger; False if its order is unreadable."""
    try:
        return order_of(bytes(change.body.person)).compares
    except msgspec.DecodeError:
        return False


def submit(redis: Redis, queue: Queue, record: Record, audience: bytes, now: int) -> AcceptResult:
    """Submit a snapshot whose body is staged. `audience`: JSON to remember, empty: unchanged.

    Raises QueueFull or redis.RedisError; if Redis or the queue is full, body and record are deleted.
    """
    with redis.pipeline(transaction=True) as pipe:
        opened(pipe, queue, record)
        pipe.execute()
    try:
        return accept(redis, acceptance_of(queue, record, audience, now), now)
    except (QueueFull, ResponseError):
        with redis.pipeline(transaction=True) as pipe:
            withdrawn(pipe, queue, record.order.snapshot)
            pipe.execute()
        raise


async def open_async(redis: AsyncRedis, queue: Queue, record: Record) -> None:
    """Store the snapshot's record before its change is accepted: the first half of `submit`."""
    async with redis.pipeline(transaction=True) as pipe:
        opened(pipe, queue, record)
        await pipe.execute()


async def withdraw_async(redis: AsyncRedis, queue: Queue, snapshot_id: str) -> None:
    """Delete the body and the record of a snapshot that was not accepted."""
    async with redis.pipeline(transaction=True) as pipe:
        withdrawn(pipe, queue, snapshot_id)
        await pipe.execute()


def acceptance_of(queue: Queue, record: Record, audience: bytes, now: int, *, clamped: bool = False) -> Acceptance:
    """Return the acceptance of a snapshot, to be used after `opened`. `clamped`: its time was impossible."""
    changes = [change_of(queue, record.order, now)]
    dedupe = f"{KIND}:{record.order.snapshot}"
    return Acceptance(queue, OF_KIND[KIND], dedupe, changes, audience=audience, source=KIND, clamped=int(clamped))


#: Bytes of a piece before compression.
PIECE: Final = 262_144
#: ms after which a body that got no more pieces expires.
STAGED_MS: Final = 3_600_000
_LEVEL: Final = 1


def compress(piece: bytes) -> bytes:
    """Return the stored form of a piece; takes about a ms, so an event loop should use a thread."""
    return zlib.compress(piece, _LEVEL)


def stage(redis: Redis, snapshot_id: str, number: int, compressed: bytes) -> None:
    """Store a piece of a body. `number`: from 0, so that a repeated call does not add it twice.

    A body that is never submitted expires. Raises redis.OutOfMemoryError, with the body deleted, when less than a tenth
    of Redis's memory would be left for delivery.
    """
    scripts.run(redis, "stage", [keys.snapshot(snapshot_id, "body")], [number, compressed, STAGED_MS])


async def unstage_async(redis: AsyncRedis, snapshot_id: str) -> None:
    """Delete the pieces of an incomplete body."""
    await redis.unlink(keys.snapshot(snapshot_id, "body"))


async def stage_async(redis: AsyncRedis, snapshot_id: str, number: int, compressed: bytes) -> None:
    """Store a piece of a body as `stage` does."""
    await scripts.run_async(redis, "stage", [keys.snapshot(snapshot_id, "body")], [number, compressed, STAGED_MS])


async def kept_async(redis: AsyncRedis, snapshot_id: str) -> int:
    """Return how many pieces of a body exist: fewer than were staged if Redis has lost some."""
    return await redis.hlen(keys.snapshot(snapshot_id, "body"))


def body(redis: Redis, snapshot_id: str) -> Iterator[bytes]:
    """Yield the pieces of a body, in order.

    Raises SnapshotGone, possibly after the last piece, if the body is incomplete: people in its missing part would
    otherwise be removed from the list.
    """
    known = record(redis, snapshot_id)
    left, number = known.bytes if known else -1, 0
    while piece := cast("bytes | None", redis.hget(keys.snapshot(snapshot_id, "body"), str(number))):
        plain = zlib.decompress(piece)
        left -= len(plain)
        number += 1
        yield plain
    if left:
        raise SnapshotGone(snapshot_id)
