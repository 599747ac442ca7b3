"""The history: the outcomes of a queue's batches, kept for a while so that a person's changes can be traced.

settle.lua writes it when a batch ends; it contains no personal data (settled.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import Final, cast

from redis import Redis

from queues import bounds, keys, scripts
from queues.change import Ours, carrying, whose
from queues.history.outcomes import ChangeOutcome, change_outcomes, mentions, without
from queues.history.settled import Settled, pack, unpack
from queues.names import Queue

#: Batches read in one round trip; a hundred of a hundred changes each are half a megabyte.
_AT_ONCE: Final = 100


def batches(redis: Redis, queue: Queue, limit: int, before: str = "") -> list[Settled]:
    """Return the last settled batches, newest first, at most `limit`. `before`: a `mark`; only batches before it.

    Raises redis.RedisError.
    """
    index, start = keys.queue(queue, "settled"), 0
    if before:
        rank = cast("int | None", redis.zrevrank(index, before))
        if rank is None:  # it was deleted, and with it everything settled earlier
            return []
        start = rank + 1
    names = cast("list[bytes]", redis.zrevrange(index, start, start + limit - 1))
    ids = [name.partition(b" ")[0] for name in names]
    stored = cast("list[bytes | None]", redis.hmget(keys.queue(queue, "history"), ids)) if ids else []
    return [unpack(value) for value in stored if value]


def mark(settled: Settled) -> str:
    """Return the batch's name in the index (settle.lua)."""
    return f"{settled.id} {settled.count}"


def of_person(redis: Redis, queue: Queue, persons: Collection[str], ours: Ours | None = None) -> list[ChangeOutcome]:
    """Return the outcomes of the changes with these person keys that `ours` selects, in the order of settlement.

    Reads the whole history of the queue, about 100 us a batch. Raises redis.RedisError.
    """
    found = {
        (settled.settled, settled.id, each.index): each
        for settled, _ in _mentioning(redis, queue, persons)
        for each in change_outcomes(settled, ours or carrying(persons))
    }
    return [found[place] for place in sorted(found)]


def since(redis: Redis, queue: Queue) -> int | None:
    """Return the ms at which the oldest batch in the history was settled, None if empty. Raises redis.RedisError."""
    oldest = cast("list[tuple[bytes, float]]", redis.zrange(keys.queue(queue, "settled"), 0, 0, withscores=True))
    return int(oldest[0][1]) if oldest else None


def forget(redis: Redis, queue: Queue, persons: Collection[str], until: int) -> int:
    """Remove a person from the history; return from how many batches. May be repeated.

    `until`: ms; changes accepted later stay. Raises redis.RedisError.
    """
    ours = whose(persons)
    touched = 0
    for settled, stored in _mentioning(redis, queue, persons):
        if any(each.accepted_at <= until for each in change_outcomes(settled, ours)):
            touched += 1
            while not _rewritten(redis, queue, settled, stored, pack(without(settled, ours, until))):
                # Another erasure has rewritten the record meanwhile, or it expired.
                now = cast("bytes | None", redis.hget(keys.queue(queue, "history"), settled.id))
                if now is None:
                    break
                settled, stored = unpack(now), now
    return touched


def trim(redis: Redis, queues: Sequence[Queue], now: int) -> int:
    """Delete expired batches of queues that settle nothing any more; return how many. `now`: ms."""
    oldest = now - bounds.TOLD_MS
    with redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.zcount(keys.queue(queue, "settled"), "-inf", f"({oldest}")
        counts = pipe.execute()
    return sum(_trim(redis, queue, oldest) for queue, too_old in zip(queues, counts, strict=True) if too_old)


def _trim(redis: Redis, queue: Queue, oldest: int) -> int:
    script_keys = [keys.queue(queue), keys.queue(queue, "history"), keys.queue(queue, "settled")]
    gone = 0
    while more := int(scripts.run(redis, "trim", script_keys, [bounds.TOLD, oldest])):
        gone += more
    return gone


def _mentioning(redis: Redis, queue: Queue, persons: Collection[str]) -> Iterator[tuple[Settled, bytes]]:
    """Yield the batches that may contain these keys, with their stored form; a batch may appear twice."""
    for _, stored in redis.hscan_iter(keys.queue(queue, "history"), count=_AT_ONCE):
        settled = unpack(stored)
        if mentions(settled, persons):
            yield settled, stored


def _rewritten(redis: Redis, queue: Queue, settled: Settled, before: bytes, after: bytes) -> bool:
    """Write the new form unless the record has changed meanwhile; return whether it was written."""
    digest = hashlib.sha1(before, usedforsecurity=False).hexdigest()
    return bool(scripts.run(redis, "retell", [keys.queue(queue, "history")], [settled.id, digest, after]))
