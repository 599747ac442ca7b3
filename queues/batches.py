"""Open batches: their leases, the progress of their delivery, and their settlement (settlement.py)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Final, cast

from redis import Redis

from queues import bounds, keys, metrics, scripts, settlement, undecided_erasures
from queues.change import Change, decode
from queues.errors import LeaseLost
from queues.names import PARTITIONS, Queue
from queues.settlement import Decided, Settlement, Undeliverable

#: Batches rung at once, per partition.
RING_AT_ONCE = 500
#: Troubles that are not failures: the limits of Klaviyo and of Ferry (klaviyo/outcomes.py).
_LIMITS: Final = frozenset({"throttled", "daily_limit", "own_limit"})


@dataclass(frozen=True)
class Batch:
    """A batch held by this worker. Times in ms.

    `token`: the fencing token, which excludes workers that held the batch before. `read`: reads the changes. `lapsed`:
    the lease of the worker before this one ran out. `decided`: its settlement, if a worker has begun to write it.
    """

    id: str
    queue: Queue
    token: int
    reason: str
    taken: int
    attempts: int
    crashes: int
    progress: bytes
    read: Callable[[], list[Change]] = field(repr=False)
    lapsed: bool = False
    decided: Decided | None = None

    @cached_property
    def changes(self) -> list[Change]:
        """The changes; of a settlement that is being written, those not released yet.

        Read when they are first needed: a worker that finds an import unfinished needs none. Raises LeaseLost when
        another worker has settled the batch.
        """
        return self.read()


def prepare() -> None:
    """Read the scripts that a delivery runs. Sends nothing."""
    scripts.prepare()


def is_failure(trouble: str) -> bool:
    """Return whether a batch with this trouble failed at its last attempt; waiting for a limit is not a failure."""
    return bool(trouble) and trouble not in _LIMITS


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
    token, lapsed, stored = scripts.run(redis, "reclaim", _lease_keys(batch_id), [batch_id, now, lease_ms, claimant])
    if token < 1:
        return None
    fields: dict[bytes, bytes] = dict(zip(stored[::2], stored[1::2], strict=True))
    decided = settlement.load(fields.get(b"decided"))
    return Batch(
        id=batch_id,
        queue=Queue.parse(fields[b"queue"].decode()),
        token=token,
        reason=fields[b"reason"].decode(),
        taken=int(fields[b"taken"]),
        attempts=int(fields[b"attempts"]),
        crashes=int(fields[b"crashes"]),
        progress=fields[b"progress"],
        read=partial(_changes, redis, batch_id, int(fields[b"count"]) if decided is None else None),
        lapsed=bool(lapsed),
        decided=decided,
    )


def _changes(redis: Redis, batch_id: str, count: int | None) -> list[Change]:
    """Return the stored changes of a batch; raise LeaseLost if they are not so many. `count`: None for any number."""
    stored = cast("list[bytes]", redis.lrange(keys.batch(batch_id, "changes"), 0, -1))
    if count not in (None, len(stored)):
        raise LeaseLost(batch_id)
    return [decode(change) for change in stored]


def renew(redis: Redis, batch: Batch, now: int, lease_ms: int, counts: metrics.Counts | None = None) -> None:
    """Extend the lease by `lease_ms`, and add these counts. Raises LeaseLost when another worker has the batch."""
    args = [batch.id, batch.token, now, lease_ms]
    held, counted = scripts.run_beside(
        redis, scripts.text("renew"), _lease_keys(batch.id), args, lambda pipe: metrics.queue_up(pipe, counts or {})
    )
    metrics.note_lost(counted)
    if not held:
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


def settle(redis: Redis, batch: Batch, end: Settlement, now: int) -> bool:
    """End a batch; return whether its queue is due again. Raises LeaseLost when another worker has the batch.

    A large settlement is written in several calls; if this worker dies, the next one continues it with `settle_on`.
    """
    decided = Decided(len(batch.changes), end)
    if not decided.is_large:
        return _close(redis, batch, decided, now)
    args = [batch.token, settlement.dump(decided), decided.changes]
    if not scripts.run(redis, "decide", [keys.batch(batch.id)], args):
        raise LeaseLost(batch.id)
    return settle_on(redis, batch, decided, now)


def settle_on(redis: Redis, batch: Batch, decided: Decided, now: int) -> bool:
    """Write the rest of a settlement that is stored in the batch; like `settle`."""
    _write_letters(redis, batch, decided.end)
    _release(redis, batch)
    return _close(redis, batch, decided, now, written=True)


def _write_letters(redis: Redis, batch: Batch, end: Settlement) -> None:
    own = [keys.queue(batch.queue), keys.batch(batch.id), keys.batch(batch.id, "changes")]
    own += [keys.queue(batch.queue, "dead"), keys.queue(batch.queue, "buried")]
    done = 0
    while part := settlement.portion(end, done):
        args: list[Any] = [batch.token, part.first, part.last, len(end.moved)]
        args += [bounds.LETTERS_AT_MOST, undecided_erasures.REASON]
        args += [len(part.moved), *(index + 1 for index in part.moved), *_letters(part.dead)]
        # The answer may be beyond this portion: a worker before this one wrote more.
        done = scripts.run(redis, "settle_part", own, args)
        if done < 0:
            raise LeaseLost(batch.id)


def _letters(dead: Sequence[Undeliverable]) -> Iterator[int | str]:
    for letter in dead:
        yield from (letter.index + 1, letter.reason, json.dumps(letter.detail))


def _release(redis: Redis, batch: Batch) -> None:
    own = [keys.batch(batch.id), keys.queue(batch.queue, "open"), keys.batch(batch.id, "changes")]
    left = len(batch.changes)
    for count, persons in settlement.releases(batch.changes):
        if not scripts.run(redis, "release", own, [batch.token, left, count, *persons]):
            raise LeaseLost(batch.id)
        left -= count


def _close(redis: Redis, batch: Batch, decided: Decided, now: int, *, written: bool = False) -> bool:
    """Count every change and delete the batch. `written`: its dead letters are written and its persons released."""
    queue, end = batch.queue, decided.end
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
    args: list[Any] = [str(queue), batch.id, batch.token, now, decided.delivered, end.superseded, end.imported]
    args += [len(end.dead) if written else 0, end.history, bounds.TOLD, bounds.TOLD_MS]
    args += [bounds.LETTERS_AT_MOST, undecided_erasures.REASON, json.dumps(dict(end.warnings))]
    args += [0] if written else [len(end.moved), *(index + 1 for index in end.moved), *_letters(end.dead)]
    settled, due = scripts.run(redis, "settle", script_keys, args)
    if not settled:
        raise LeaseLost(batch.id)
    return bool(due)


def hasten(redis: Redis, queue: Queue, now: int) -> None:
    """Ring workers now for the open batches of a queue, because what they waited for is over."""
    ring = keys.partition(queue.partition, "ring")
    for batch_id in cast("list[bytes]", redis.zrange(keys.queue(queue, "batches"), 0, -1)):
        redis.zadd(ring, {batch_id: now}, xx=True, lt=True)
