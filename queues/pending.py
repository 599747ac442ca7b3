"""What waits in the queues: what is due, and taking it."""

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

#: A batch holds no more than this many bytes of changes, so that a worker's memory is bounded.
BATCH_BYTES = 8_000_000
#: Batches of one queue that may wait for their upload at a time. Audiences of one connection share its rate limits:
#: a huge one that took everything at once would make the small ones wait behind all of it.
UNSENT_AT_ONCE = 4
_FIELDS = ("takes", "taken", "upto", "upto_by", "uploaded", "hold")


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as a scheduler sees it. `takes` proves that nobody took meanwhile; `held`: somebody said stop."""

    queue: Queue
    waiting: Waiting
    takes: int
    held: bool


def due(redis: Redis, now: int) -> list[Queue]:
    """The queues that the flush policy must look at by now (ms), the longest due first in each partition."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            # All of them: behind a limit, queues that are due and held would keep the others out for good.
            pipe.zrangebyscore(keys.partition(number, "due"), "-inf", now)
        return [Queue.parse(name.decode()) for names in pipe.execute() for name in names]


def all_queues(redis: Redis) -> list[Queue]:
    """Every queue there ever was a change for."""
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.smembers(keys.partition(number, "queues"))
        return sorted(Queue.parse(name.decode()) for names in pipe.execute() for name in names)


def look(redis: Redis, queues: list[Queue]) -> list[QueueState]:
    """What the flush policy has to know of each queue, in one round trip."""
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
    """What the flush policy looks at. `fields`: of the queue's hash; `oldest`: ms of the oldest pending change."""
    uploaded, upto, taken = fields.get("uploaded"), fields.get("upto"), fields.get("taken")
    return Waiting(
        pending=pending,
        oldest=oldest,
        uploaded=None if uploaded is None else int(uploaded),
        asked=max(0, min(pending, int(upto or 0) - int(taken or 0))),
        asked_by="age" if fields.get("upto_by") == b"age" else "operator",
    )


def take(redis: Redis, seen: QueueState, reason: Reason, most: int, now: int) -> str | None:
    """Take up to `most` changes into a batch; its id, or None when the first must wait or somebody was faster."""
    queue = seen.queue
    batch_id = f"{queue.partition:02d}-{uuid.uuid4().hex}"
    script_keys = [
        keys.queue(queue),
        keys.queue(queue, "pending"),
        keys.partition(queue.partition, "due"),
        keys.queue(queue, "open"),
        keys.partition(queue.partition, "ring"),
        keys.queue(queue, "batches"),
        keys.batch(batch_id),
        keys.batch(batch_id, "changes"),
        keys.partition(queue.partition, "steps"),
    ]
    args: list[Any] = [str(queue), batch_id, now, seen.takes, most, BATCH_BYTES, reason, UNSENT_AT_ONCE]
    return batch_id if scripts.run(redis, "take", script_keys, args) > 0 else None


def _index_keys(queue: Queue) -> list[str]:
    due_key = keys.partition(queue.partition, "due")
    return [keys.queue(queue), keys.queue(queue, "pending"), due_key]


def flush(redis: Redis, queue: Queue, now: int) -> int:
    """Ask for everything that waits in a queue now to be taken; how many changes that is."""
    return int(scripts.run(redis, "flush", _index_keys(queue), [str(queue), now]))


def set_policy(redis: Redis, queue: Queue, policy: FlushPolicy, now: int) -> None:
    """File a queue under the policy now configured (its index was made with the policy at its last change)."""
    scripts.run(redis, "policy", _index_keys(queue), [str(queue), now, policy.size, policy.age_ms])


def audience(redis: Redis, queue: Queue) -> dict[str, Any]:
    """What the CDP said of the audience: `name` and `settings`; empty when it said nothing."""
    stored = redis.hget(keys.queue(queue), "audience")
    return msgspec.json.decode(stored) if stored else {}


def wake(redis: Redis) -> None:
    """Wake one scheduler. The list never holds more than one element: a second call says nothing new."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.lpush(keys.WAKE, 1)
        pipe.ltrim(keys.WAKE, 0, 0)
        pipe.execute()
