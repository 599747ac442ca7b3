"""The snapshots of all audiences, newest first, for `ferry syncs` and the console."""

from __future__ import annotations

from collections.abc import Iterable

from redis import Redis

from queues.counts import QueueCount
from queues.snapshots import orders
from queues.snapshots.orders import Record


def recent(redis: Redis, counts: Iterable[QueueCount]) -> list[Record]:
    """Return the records of the snapshots of these queues; those of another kind have none. Raises redis.RedisError."""
    of_snapshots = (count.queue for count in counts if count.queue.kind == orders.KIND)
    found = [record for queue in of_snapshots for record in orders.records(redis, queue)]
    return sorted(found, key=lambda record: record.since, reverse=True)
