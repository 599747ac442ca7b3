"""The pending changes of the queues: which are due, and taking them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from redis import Redis

from queues import keys, scripts
from queues.names import PARTITIONS, Queue
from queues.policy import FlushPolicy, Reason, Waiting

#: Maximum bytes of changes in a batch, which bounds a worker's memory.
BATCH_BYTES = 8_000_000
#: Batches of one queue that may wait for their upload at a time. Audiences of one connection share its rate limits: if
#: a huge one took everything at once, the small ones would wait behind all of it.
UNSENT_AT_ONCE = 4
#: Changes taken by one call of the script, which blocks Redis for some milliseconds.
TAKEN_AT_ONCE = 1_000
#: Changes at the head of a queue that are passed over, at most, because their people are in open batches. Each call of
#: the script reads them again.
PASSED_OVER = 1_000
#: Kinds that send one row for a person, however many changes the person has in the batch.
BY_PERSON = frozenset({"audience", "profile"})
#: Changes of such a batch, at most, for each of its people on average, which bounds the work for a batch.
CHANGES_EACH = 10
#: ms after which a worker is rung for a batch that its scheduler has not finished taking.
FILLING_MS = 10_000
_FIELDS = ("takes", "taken", "upto", "upto_by", "uploaded", "hold")


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as a scheduler sees it. `takes` shows whether another took meanwhile; `held`: the queue has a hold."""

    queue: Queue
    waiting: Waiting
    takes: int
    held: bool


def due(redis: Redis, now: int) -> list[Queue]:
    """Return the queues that the flush policy must check by now (ms), longest due first in each partition."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            # No limit: queues that are due and held would block the others permanently.
            pipe.zrangebyscore(keys.partition(number, "due"), "-inf", now)
        return [Queue.parse(name.decode()) for names in pipe.execute() for name in names]


def all_queues(redis: Redis) -> list[Queue]:
    """Return every queue that has ever had a change."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.smembers(keys.partition(number, "queues"))
        found = [Queue.parse(name.decode()) for names in pipe.execute() for name in names]
    # Comparing tuples is much faster than comparing queues.
    return sorted(found, key=lambda queue: (queue.connection, queue.kind, queue.target))


def look(redis: Redis, queues: list[Queue]) -> list[QueueState]:
    """Return what the flush policy needs to know of each queue, in one round trip."""
    with redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.hmget(keys.queue(queue), *_FIELDS)
            pipe.llen(keys.queue(queue, "pending"))
            pipe.lrange(keys.queue(queue, "pending"), 0, 0)
        answers = pipe.execute()
    return [_look(queue, *answers[3 * i : 3 * i + 3]) for i, queue in enumerate(queues)]


def _look(queue: Queue, values: list[bytes | None], pending: int, head: list[bytes]) -> QueueState:
    fields = dict(zip(_FIELDS, values, strict=True))
    oldest = int(head[0][1:14]) if head else None
    return QueueState(queue, waiting(fields, pending, oldest), int(fields["takes"] or 0), fields["hold"] is not None)


def waiting(fields: Mapping[str, bytes | None], pending: int, oldest: int | None) -> Waiting:
    """Return the flush policy's input. `fields`: of the queue's hash; `oldest`: ms of the oldest pending change."""
    uploaded, upto, taken = fields.get("uploaded"), fields.get("upto"), fields.get("taken")
    return Waiting(
        pending=pending,
        oldest=oldest,
        uploaded=None if uploaded is None else int(uploaded),
        asked=max(0, min(pending, int(upto or 0) - int(taken or 0))),
        asked_by="age" if fields.get("upto_by") == b"age" else "operator",
    )


def take(redis: Redis, seen: QueueState, reason: Reason, most: int, now: int, *, behind: bool = False) -> str | None:
    """Take changes into a batch; return its id, or None if all must wait or another scheduler took first.

    `most`: people of the batch with all their changes, or changes where each is sent by itself. If a flush was
    requested, only the changes that it asked for are taken, or with `behind` only those behind them. Changes whose
    person is in an open batch are passed over, up to PASSED_OVER, and with them that person's later ones.

    A large batch is taken in portions, so that no script call blocks Redis for long. No worker is rung for it before
    the last one. If the scheduler dies in between, a worker is rung after FILLING_MS, and the rest is taken next time.
    """
    asked, pending = seen.waiting.asked, seen.waiting.pending
    if behind and asked > PASSED_OVER:
        return None
    among, passed = (asked if asked and not behind else pending), (asked if behind else 0)
    by_person = seen.queue.kind in BY_PERSON
    changes = most * (CHANGES_EACH if by_person else 1)
    batch_id = f"{seen.queue.partition:02d}-{uuid.uuid4().hex}"
    own_keys = _take_keys(seen.queue, batch_id)
    taken = size = people = 0
    while True:
        portion = min(changes - taken, TAKEN_AT_ONCE)
        ring_at = now + FILLING_MS if taken + portion < min(changes, among) else 0
        takes = seen.takes + 1 if taken else seen.takes
        args: list[Any] = [str(seen.queue), batch_id, now, takes, portion, BATCH_BYTES - size, reason, UNSENT_AT_ONCE]
        args += [taken, ring_at, passed, among - taken, PASSED_OVER, most if by_person else 0, people]
        count, length, goes_on, passed, people = scripts.run(redis, "take", own_keys, args)
        taken += max(0, count)
        size += length
        if not goes_on:
            return batch_id if taken else None


def _take_keys(queue: Queue, batch_id: str) -> list[str]:
    return [
        keys.queue(queue),
        keys.queue(queue, "pending"),
        keys.partition(queue.partition, "due"),
        keys.queue(queue, "open"),
        keys.partition(queue.partition, "ring"),
        keys.queue(queue, "batches"),
        keys.batch(batch_id),
        keys.batch(batch_id, "changes"),
        keys.partition(queue.partition, "steps"),
        keys.batch(batch_id, "persons"),
    ]


def _index_keys(queue: Queue) -> list[str]:
    due_key = keys.partition(queue.partition, "due")
    return [keys.queue(queue), keys.queue(queue, "pending"), due_key]


def flush(redis: Redis, queue: Queue, now: int) -> int:
    """Request a flush of a queue's pending changes; return how many there are."""
    return int(scripts.run(redis, "flush", _index_keys(queue), [str(queue), now]))


def set_policies(redis: Redis, policies: Mapping[Queue, FlushPolicy], now: int) -> None:
    """Apply the configured policies to queues, whose index entries used the policy at their last change.

    In one round trip. Raises redis.RedisError.
    """
    calls = [(_index_keys(each), [str(each), now, policy.size, policy.age_ms]) for each, policy in policies.items()]
    scripts.run_each(redis, "policy", calls)


def audience(redis: Redis, queue: Queue) -> dict[str, Any]:
    """Return the CDP's data of the audience: `name` and `settings`; empty if there is none."""
    stored = redis.hget(keys.queue(queue), "audience")
    return msgspec.json.decode(stored) if stored else {}


def wake(redis: Redis) -> None:
    """Wake one scheduler. The list has at most one element, because a second call adds nothing."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.lpush(keys.WAKE, 1)
        pipe.ltrim(keys.WAKE, 0, 0)
        pipe.execute()
