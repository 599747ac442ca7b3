"""The changes of a queue that are accepted and not settled yet, pending or in open batches. It never writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from redis import Redis

from queues import keys
from queues.change import Change, decode, is_blank
from queues.names import Queue

#: Changes read in one round trip.
_PAGE: Final = 1_000


def changes(redis: Redis, queue: Queue) -> list[Change]:
    """Return the changes in open batches and the pending ones, in the order of their arrival.

    Nothing is stopped meanwhile: the result may contain changes settled or replayed in the meantime, and a change that
    is taken into a batch may appear twice. A million changes are about a hundred MB.
    """
    # Pending changes first: one that is taken meanwhile is then found in its batch.
    waiting = list(_pending(redis, queue))
    opened = (decode(stored) for _, stored in in_batches(redis, queue))
    return [*(change for change in opened if not is_blank(change)), *waiting]


def page(redis: Redis, queue: Queue, start: int, stop: int) -> tuple[int, list[bytes]]:
    """Return how many changes were ever taken, and the pending ones from `start` to `stop`, of one moment.

    Places count from the head, negative ones from the end. A reader that finds more taken than before starts further
    towards the head: takes move the changes behind those taken, and those passed over.
    """
    with redis.pipeline(transaction=True) as pipe:
        pipe.hmget(keys.queue(queue), "taken", "behind")
        pipe.lrange(keys.queue(queue, "pending"), start, stop)
        counts, found = pipe.execute()
    return sum(int(each or 0) for each in counts), found


def in_batches(redis: Redis, queue: Queue) -> Iterator[tuple[str, bytes]]:
    """Yield the stored changes in open batches, each with its batch; some may be blank."""
    for batch_id in cast("list[bytes]", redis.zrange(keys.queue(queue, "batches"), 0, -1)):
        name = batch_id.decode()
        for stored in cast("list[bytes]", redis.lrange(keys.batch(name, "changes"), 0, -1)):
            yield name, stored


def _pending(redis: Redis, queue: Queue) -> Iterator[Change]:
    start, before = 0, None
    while True:
        gone, found = page(redis, queue, start, start + _PAGE - 1)
        moved, before = gone - (gone if before is None else before), gone
        if moved:  # a batch took some of the oldest, so the others have moved forward
            start = max(0, start - moved)
            continue
        if not found:
            return
        yield from map(decode, found)
        start += len(found)
