"""Open batches: their leases, the progress of their delivery, and their settlement."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from redis import Redis

from queues import bounds, keys, scripts, undecided_erasures
from queues.change import Change, decode
from queues.errors import LeaseLost
from queues.names import PARTITIONS, Queue

#: Batches rung at once, per partition.
RING_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch held by this worker. Times in ms.

    `token`: the fencing token, which excludes workers that held the batch before. `lapsed`: the lease of the worker
    before this one ran out.
    """

    id: str
    queue: Queue
    token: int
    reason: str
    taken: int
    attempts: int
    crashes: int
    progress: bytes
    changes: list[Change]
    lapsed: bool = False


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """A change of a batch that ends as a dead letter. `index` counts from 0 in `Batch.changes`."""

    index: int
    reason: str
    detail: dict[str, Any]


def to_ring(redis: Redis, now: int) -> list[str]:
    """Return the batches due for a ring: new ones, ones given back, ones whose lease ran out."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.zrangebyscore(keys.partition(number, "ring"), "-inf", now, start=0, num=RING_AT_ONCE)
        return [batch_id.decode() for ids in pipe.execute() for batch_id in ids]


def rung(redis: Redis, batch_ids: list[str], again: int) -> None:
    """Record that a worker was rung for these batches; they ring again at `again` (ms) unless taken up before."""
    with redis.pipeline(transaction=False) as pipe:
        for batch_id in batch_ids:
            # XX: a batch settled meanwhile is not added back. GT: a lease taken meanwhile is not shortened.
            ring = keys.partition(keys.batch_partition(batch_id), "ring")
            pipe.zadd(ring, {batch_id: again}, xx=True, gt=True)
        pipe.execute()


def _lease_keys(batch_id: str) -> list[str]:
    return [keys.batch(batch_id), keys.partition(keys.batch_partition(batch_id), "ring")]


def reclaim(redis: Redis, batch_id: str, now: int, lease_ms: int) -> Batch | None:
    """Hold a batch for `lease_ms`; return None when another worker holds it, it rests, or it is settled."""
    # One id per call, not per worker: redis-py repeats the identical call when its reply is lost.
    claimant = uuid.uuid4().hex
    token, lapsed = scripts.run(redis, "reclaim", _lease_keys(batch_id), [batch_id, now, lease_ms, claimant])
    if token < 1:
        return None
    with redis.pipeline(transaction=False) as pipe:
        pipe.hgetall(keys.batch(batch_id))
        pipe.lrange(keys.batch(batch_id, "changes"), 0, -1)
        fields, stored = pipe.execute()
    if not fields:  # settled by a worker that outlived this lease
        return None
    return Batch(
        id=batch_id,
        queue=Queue.parse(fields[b"queue"].decode()),
        token=token,
        reason=fields[b"reason"].decode(),
        taken=int(fields[b"taken"]),
        attempts=int(fields[b"attempts"]),
        crashes=int(fields[b"crashes"]),
        progress=fields[b"progress"],
        changes=[decode(change) for change in stored],
        lapsed=bool(lapsed),
    )


def renew(redis: Redis, batch: Batch, now: int, lease_ms: int) -> None:
    """Extend the lease by `lease_ms`. Raises LeaseLost when another worker has the batch."""
    args = [batch.id, batch.token, now, lease_ms]
    if not scripts.run(redis, "renew", _lease_keys(batch.id), args):
        raise LeaseLost(batch.id)


def submit(
    redis: Redis,
    batch: Batch,
    progress: bytes,
    ring_at: int = 0,
    attempts: int = 0,
    sent: bool = False,
    rests: bool = False,
    fails: bool | None = None,
) -> None:
    """Store the progress of a delivery; with `ring_at` (ms), give the batch back until then.

    `attempts`: how many this delivery has spent. `sent`: the whole batch is uploaded, and its queue may take the next
    one. `rests`: no worker gets the batch before `ring_at`, even if it is rung. `fails`: whether the last attempt
    failed; None: unchanged. Raises LeaseLost when another worker has the batch.
    """
    script_keys = [*_lease_keys(batch.id), keys.queue(batch.queue)]
    failing = "" if fails is None else int(fails)
    args: list[Any] = [batch.id, batch.token, progress, ring_at, attempts, int(sent), int(rests), failing]
    if not scripts.run(redis, "submit", script_keys, args):
        raise LeaseLost(batch.id)


def progress(redis: Redis, batch_id: str) -> bytes:
    """Return the last stored progress; empty when there is none or the batch is settled."""
    return cast("bytes | None", redis.hget(keys.batch(batch_id), "progress")) or b""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of a batch's changes; those neither superseded, dead nor imported were delivered.

    `imported`: how many changes Klaviyo imported without a check that the people are on the list. `moved`: indexes of
    the changes that put a person on the list or took one off; older dead letters of these people become superseded.
    `warnings`: how many people were delivered without some field, by code. `history`: the record to keep (settled.py),
    empty for none.
    """

    superseded: int = 0
    dead: Sequence[Undeliverable] = ()
    moved: Sequence[int] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    history: bytes = b""
    imported: int = 0


def settle(redis: Redis, batch: Batch, end: Settlement, now: int) -> bool:
    """End a batch; return whether its queue is due again. Raises LeaseLost when another worker has the batch."""
    queue = batch.queue
    script_keys = [
        keys.queue(queue),
        keys.queue(queue, "open"),
        keys.partition(queue.partition, "ring"),
        keys.queue(queue, "batches"),
        keys.batch(batch.id),
        keys.batch(batch.id, "changes"),
        keys.queue(queue, "dead"),
        keys.queue(queue, "buried"),
        keys.partition(queue.partition, "due"),
        keys.queue(queue, "warnings"),
        keys.queue(queue, "history"),
        keys.queue(queue, "settled"),
        keys.queue(queue, "hours"),
        keys.partition(queue.partition, "hours"),
        keys.partition(queue.partition, "settled"),
        keys.partition(queue.partition, "steps"),
    ]
    delivered = len(batch.changes) - end.superseded - len(end.dead) - end.imported
    args: list[Any] = [str(queue), batch.id, batch.token, now, delivered, end.superseded, end.imported]
    args += [end.history, bounds.TOLD, bounds.TOLD_MS, bounds.LETTERS_AT_MOST, undecided_erasures.REASON]
    args += [len(end.moved), *(index + 1 for index in end.moved), json.dumps(dict(end.warnings))]
    for letter in end.dead:
        args += [letter.index + 1, letter.reason, json.dumps(letter.detail)]
    settled, due = scripts.run(redis, "settle", script_keys, args)
    if not settled:
        raise LeaseLost(batch.id)
    return bool(due)


def hasten(redis: Redis, queue: Queue, now: int) -> None:
    """Ring workers now for the open batches of a queue, because what they waited for is over."""
    ring = keys.partition(queue.partition, "ring")
    for batch_id in cast("list[bytes]", redis.zrange(keys.queue(queue, "batches"), 0, -1)):
        redis.zadd(ring, {batch_id: now}, xx=True, lt=True)
