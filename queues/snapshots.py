"""Snapshots: the whole membership of an audience at one time, kept here from its first byte until it is carried out.

A body is kept as it came, in compressed pieces, so that whoever takes it in needs little memory and any worker can
carry it out. That it is to be carried out is a change of the queue `connection/snapshot/<audience>`, which names it.
"""

from __future__ import annotations

import uuid
from typing import Final

import msgspec
from redis import Redis
from redis.exceptions import ResponseError

from queues.acceptance import Acceptance, Accepted, accept
from queues.change import Body, encode, nobody_key
from queues.errors import QueueFull
from queues.names import Queue
from queues.policy import OF_KIND
from queues.records import Counts, Format, Order, Record, State, close, keep, note, opened, record, records, withdrawn
from queues.staging import PIECE, body, compress, kept_async, stage, stage_async

__all__ = [
    "PIECE",
    "Counts",
    "Format",
    "Order",
    "Record",
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


def change_of(queue: Queue, order: Order, now: int) -> bytes:
    """The change that has a snapshot carried out; all of one audience are of one person, so that their order holds."""
    told = msgspec.Raw(msgspec.json.encode(order))
    return encode((nobody_key(str(queue)),), now, Body("replace", order.at, KIND, order.snapshot, told))


def order_of(person: bytes) -> Order:
    """What the change says. Raises msgspec.DecodeError for what no Ferry wrote."""
    return msgspec.json.decode(person, type=Order)


def submit(redis: Redis, queue: Queue, record: Record, audience: bytes, now: int) -> Accepted:
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


def acceptance_of(queue: Queue, record: Record, audience: bytes, now: int, *, clamped: bool = False) -> Acceptance:
    """What brings a snapshot to its queue, after `opened`. `clamped`: its time could not be."""
    changes = [change_of(queue, record.order, now)]
    dedupe = f"{KIND}:{record.order.snapshot}"
    return Acceptance(queue, OF_KIND[KIND], dedupe, changes, audience=audience, source=KIND, clamped=int(clamped))
