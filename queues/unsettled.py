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
#: Fields of a queue that together count the changes ever taken from the pending ones.
TAKEN: Final = ("taken", "behind")


def changes(redis: Redis, queue: Queue) -> list[Change]:
    """Return the changes in open batches and the pending ones, in the order of their arrival.

    Nothing is stopped meanwhile: the result may contain changes settled or replayed in the meantime, and a change that
    is taken into a batch may appear twice. A million changes are about a hundred MB.
    """
    # Pending changes first: one that is taken meanwhile is then found in its batch.
    waiting = list(_pending(redis, queue))
    return [*_open(redis, queue), *waiting]


def _pending(redis: Redis, queue: Queue) -> Iterator[Change]:
    start, before = 0, None
    while True:
        with redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.queue(queue), *TAKEN)
            pipe.lrange(keys.queue(queue, "pending"), start, start + _PAGE - 1)
            counts, page = pipe.execute()
        gone = sum(int(each or 0) for each in counts)
        moved, before = gone - (gone if before is None else before), gone
        if moved:  # a batch took some of the oldest, so the others have moved forward
            start = max(0, start - moved)
            continue
        if not page:
            return
        yield from map(decode, page)
        start += len(page)


def _open(redis: Redis, queue: Queue) -> Iterator[Change]:
    for batch_id in cast("list[bytes]", redis.zrange(keys.queue(queue, "batches"), 0, -1)):
        stored = cast("list[bytes]", redis.lrange(keys.batch(batch_id.decode(), "changes"), 0, -1))
        yield from (change for change in map(decode, stored) if not is_blank(change))
