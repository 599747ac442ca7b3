"""What one message brings to one queue, and the call of the `accept` script that writes it down."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from redis import Redis

from queues import bounds, keys, scripts
from queues.errors import QueueFull
from queues.names import Queue
from queues.policy import FlushPolicy

#: How long a repeated message is recognised, in ms (24 h).
REMEMBERED_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class DeadOnArrival:
    """A change that can be read well enough to keep, and not well enough to deliver. `change`: its stored form."""

    change: bytes
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Everything one message brings to one queue.

    `message`: the CDP's id of the message, empty when it has none and cannot be recognised when repeated.
    `changes`: stored forms, in the order of the message. `audience`: JSON to remember, empty for as it was.
    """

    queue: Queue
    policy: FlushPolicy
    message: str = ""
    changes: list[bytes] = field(default_factory=list)
    dead: list[DeadOnArrival] = field(default_factory=list)
    audience: bytes = b""


@dataclass(frozen=True, slots=True)
class Accepted:
    """`fresh`: false for a message seen before. `became_due`: a scheduler should look at the queue at once."""

    fresh: bool
    became_due: bool


def call(acceptance: Acceptance, now: int, most: int = bounds.PENDING_IN_QUEUE) -> tuple[list[str], list[Any]]:
    """KEYS and ARGV of `accept.lua`. `most`: changes that may wait in the queue."""
    queue, message = acceptance.queue, acceptance.message
    name, script_keys, seen = _of_queue(queue)
    digest = hashlib.blake2b(f"{name}\0{message}".encode("utf-8", "replace"), digest_size=15).hexdigest()
    policy = acceptance.policy
    args: list[Any] = [name, now, REMEMBERED_MS if message else 0, policy.size, policy.age_ms]
    args += [acceptance.audience, most, len(acceptance.changes), *acceptance.changes]
    for letter in acceptance.dead:
        args += [letter.change, letter.reason, letter.detail]
    return [*script_keys, seen + digest], args


# Building the names takes as long as everything else that an intake does for a message.
@lru_cache(maxsize=10_000)
def _of_queue(queue: Queue) -> tuple[str, tuple[str, ...], str]:
    """The queue's name, its keys, and what comes before the digest of a message in the key of its mark."""
    script_keys = (
        keys.queue(queue),
        keys.queue(queue, "pending"),
        keys.partition(queue.partition, "due"),
        keys.queue(queue, "dead"),
        keys.queue(queue, "buried"),
        keys.partition(queue.partition, "queues"),
    )
    return str(queue), script_keys, keys.seen(queue, "")


def accept(redis: Redis, acceptance: Acceptance, now: int, most: int = bounds.PENDING_IN_QUEUE) -> Accepted:
    """Write an acceptance down. Raises QueueFull or redis.RedisError with nothing written."""
    answer = accepted(acceptance, scripts.run(redis, "accept", *call(acceptance, now, most)))
    if isinstance(answer, QueueFull):
        raise answer
    return answer


def accepted(acceptance: Acceptance, answer: int) -> Accepted | QueueFull:
    """What the answer of `accept.lua` means."""
    return QueueFull(str(acceptance.queue)) if answer < 0 else Accepted(fresh=answer > 0, became_due=answer > 1)
