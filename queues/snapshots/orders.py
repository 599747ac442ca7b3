"""Snapshots: the whole membership of an audience at one time, kept here from its first byte until it is carried out.

A body is kept as it came, in compressed pieces, so that whoever takes it in needs little memory and any worker can
carry it out. That it is to be carried out is a change of the queue `connection/snapshot/<audience>`, which names it.

Staging: the body of a snapshot as it came, in compressed pieces, until the snapshot is carried out.

Nobody who takes one in or carries one out needs more memory than a piece, and any worker can do it.
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
from queues.change import Body, encode, nobody_key
from queues.errors import QueueFull, SnapshotGone
from queues.names import Queue
from queues.policy import OF_KIND
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
    record,
    records,
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
    """The queue of an audience's snapshots."""
    return Queue(connection, KIND, audience)


def audience_of(queue: Queue) -> Queue:
    """The queue of the audience whose snapshots come to this one."""
    return Queue(queue.connection, "audience", queue.target)


def new_id(queue: Queue) -> str:
    """A name for a snapshot of this queue."""
    return f"{queue.partition:02d}-{uuid.uuid4().hex}"


def change_of(queue: Queue, order: SnapshotOrder, now: int) -> bytes:
    """The change that has a snapshot carried out; all of one audience are of one person, so that their order holds."""
    told = msgspec.Raw(msgspec.json.encode(order))
    return encode((nobody_key(str(queue)),), now, Body("replace", order.at, KIND, order.snapshot, told))


def order_of(person: bytes) -> SnapshotOrder:
    """What the change says. Raises msgspec.DecodeError for what no Ferry wrote."""
    return msgspec.json.decode(person, type=SnapshotOrder)


def submit(redis: Redis, queue: Queue, record: Record, audience: bytes, now: int) -> AcceptResult:
    """Have a snapshot carried out whose body is staged. `audience`: JSON to remember, empty for as it was.

    Raises QueueFull or redis.RedisError; where that says that Redis or the queue is full, body and record are gone.
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
    """The first half of `submit`: the snapshot has its record, before its change is accepted."""
    async with redis.pipeline(transaction=True) as pipe:
        opened(pipe, queue, record)
        await pipe.execute()


async def withdraw_async(redis: AsyncRedis, queue: Queue, snapshot_id: str) -> None:
    """The snapshot was not accepted: body and record go."""
    async with redis.pipeline(transaction=True) as pipe:
        withdrawn(pipe, queue, snapshot_id)
        await pipe.execute()


def acceptance_of(queue: Queue, record: Record, audience: bytes, now: int, *, clamped: bool = False) -> Acceptance:
    """What brings a snapshot to its queue, after `opened`. `clamped`: its time could not be."""
    changes = [change_of(queue, record.order, now)]
    dedupe = f"{KIND}:{record.order.snapshot}"
    return Acceptance(queue, OF_KIND[KIND], dedupe, changes, audience=audience, source=KIND, clamped=int(clamped))


#: Bytes of a piece before compression.
PIECE: Final = 262_144
#: ms: a body to which nothing came for so long is nobody's any more.
STAGED_MS: Final = 3_600_000
_LEVEL: Final = 1


def compress(piece: bytes) -> bytes:
    """The stored form of a piece; takes about a ms, which an event loop should give to a thread."""
    return zlib.compress(piece, _LEVEL)


def stage(redis: Redis, snapshot_id: str, number: int, compressed: bytes) -> None:
    """Keep a piece of a body. `number`: from 0, so that a repeated call does not put it in twice.

    What is staged and never submitted goes away by itself. Raises redis.OutOfMemoryError, with the body let go, when
    less than a tenth of Redis's memory would be left to delivery.
    """
    scripts.run(redis, "stage", [keys.snapshot(snapshot_id, "body")], [number, compressed, STAGED_MS])


async def unstage_async(redis: AsyncRedis, snapshot_id: str) -> None:
    """Let go of what was kept of a body that broke off."""
    await redis.unlink(keys.snapshot(snapshot_id, "body"))


async def stage_async(redis: AsyncRedis, snapshot_id: str, number: int, compressed: bytes) -> None:
    """As `stage`."""
    script = redis.register_script(scripts.text("stage"))
    await script([keys.snapshot(snapshot_id, "body")], [number, compressed, STAGED_MS])


async def kept_async(redis: AsyncRedis, snapshot_id: str) -> int:
    """How many pieces of a body are there: fewer than were staged where Redis has lost some."""
    return await redis.hlen(keys.snapshot(snapshot_id, "body"))


def body(redis: Redis, snapshot_id: str) -> Iterator[bytes]:
    """The pieces of a body, in order.

    Raises SnapshotGone, if need be after the last piece, where they are not all of what came: whom a body that lost its
    end does not name would be taken off the list.
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
