"""The last settled batches of all queues, with the numbers of their outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import nlargest
from typing import Final

from redis import Redis

from queues import keys
from queues.history.settled import Settled, unpack
from queues.names import PARTITIONS, Queue

#: Batches that settle.lua keeps in the index of each partition; no more than this can be returned.
KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class SettledBatch:
    """A settled batch. `reason`: why taken. `taken`, `settled`: ms. `changes` = delivered + superseded + dead."""

    queue: Queue
    batch: str
    reason: str
    taken: int
    settled: int
    changes: int
    delivered: int
    superseded: int
    dead: int


def last(redis: Redis, limit: int, known: Mapping[str, SettledBatch]) -> list[SettledBatch]:
    """Return the last batches, newest first, at most `limit` (itself at most KEPT), without those no longer in history.

    `known`: the batches of the previous call by id; they are not read again, since a large one takes about 10 ms.
    Raises redis.RedisError.
    """
    places = _newest(redis, limit)
    asked = [(queue, batch) for queue, batch in places if batch not in known]
    with redis.pipeline(transaction=False) as pipe:
        for queue, batch in asked:
            pipe.hget(keys.queue(queue, "history"), batch)
        stored = pipe.execute()
    read = {batch: _upload(queue, unpack(value)) for (queue, batch), value in zip(asked, stored, strict=True) if value}
    found = {**known, **read}
    return [found[batch] for _, batch in places if batch in found]


def _newest(redis: Redis, limit: int) -> list[tuple[Queue, str]]:
    with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            pipe.zrange(keys.partition(number, "settled"), 0, limit - 1, desc=True, withscores=True)
        entries: list[tuple[bytes, float]] = [entry for part in pipe.execute() for entry in part]
    split = (name.decode().split(" ") for name, _ in nlargest(limit, entries, key=lambda entry: (entry[1], entry[0])))
    return [(Queue.parse(queue), batch) for queue, batch in split]


def _upload(queue: Queue, of: Settled) -> SettledBatch:
    superseded, dead = len(of.ends.superseded), len(of.ends.dead)
    return SettledBatch(queue, of.id, of.reason, of.taken, of.settled, of.count, of.delivered, superseded, dead)
