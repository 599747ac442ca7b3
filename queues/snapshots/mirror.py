"""Appends the changes of a snapshot to its audience's queue, behind all pending changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from redis import Redis

from queues import bounds, keys, scripts
from queues.acceptance import REMEMBERED_MS
from queues.change import decode
from queues.errors import QueueFull, SnapshotReplaced
from queues.names import Queue
from queues.policy import FlushPolicy


def mirror(
    redis: Redis,
    queue: Queue,
    policy: FlushPolicy,
    snapshot_id: str,
    part: int,
    changes: Sequence[bytes],
    audience: bytes,
    now: int,
    most: int = bounds.PENDING_IN_QUEUE,
) -> int:
    """Append a part of a snapshot's changes; return how many were left out because of a newer change or erasure.

    A part that was written before is not written again, and the result is the same. `changes`: stored forms, all with
    the snapshot's time. `audience`: JSON to remember, empty: unchanged. Raises QueueFull, redis.RedisError, or
    SnapshotReplaced when `members.begin` was called for another snapshot, with nothing written.
    """
    mark = hashlib.blake2b(f"{queue}\0{snapshot_id}\0{part}".encode(), digest_size=15).hexdigest()
    script_keys = [
        keys.queue(queue),
        keys.queue(queue, "pending"),
        keys.partition(queue.partition, "due"),
        keys.partition(queue.partition, "queues"),
        keys.queue(queue, "recent"),
        keys.queue(queue, "erased"),
        keys.seen(queue, mark),
    ]
    at = decode(changes[0]).body.at if changes else 0
    args: list[Any] = [str(queue), now, policy.size, policy.age_ms, most, REMEMBERED_MS, audience, snapshot_id, at]
    sign, left_out = scripts.run(redis, "mirror", script_keys, [*args, *changes])
    if sign == b"-":
        raise QueueFull(str(queue))
    if sign == b"x":
        raise SnapshotReplaced(snapshot_id)
    return int(left_out)
