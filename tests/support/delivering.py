"""A scheduler and a worker for tests of what waits for them: they take what was asked for, and settle it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

from configuration.connections import Connection, Connections
from queues import doorbell, keys  # before rq: doorbell sets RQ's key prefix

# isort: split
from rq import Worker

from queues.census import count
from queues.clock import now_ms
from scheduler.tick import take_due
from tests.support.ops import LAPSED, VIPS, settle

CONNECTIONS = Connections({name: Connection(name) for name in ("default", "brand-b")})


@contextmanager
def processes(redis: Redis, url: str, dead: int = 0) -> Iterator[None]:
    """A scheduler that a flush wakes, and a worker that delivers what it takes; `dead`: letters of the first batch."""
    worker = Worker([doorbell.rq_queue(redis)], connection=redis)
    worker.register_birth()  # type: ignore[no-untyped-call]
    redis.set(keys.HEARTBEAT, now_ms())
    stop = threading.Event()

    def run() -> None:
        letters = dead
        with Redis.from_url(url) as mine:
            # Not before: a full queue is due anyway, and what is taken first is not asked for.
            while not mine.exists(keys.WAKE) and not stop.wait(0.02):
                pass
            while not stop.wait(0.02):
                take_due(mine, CONNECTIONS, now_ms())
                for queue in count(mine, [VIPS, LAPSED]):
                    for batch in queue.batches:
                        settle(mine, batch.id, dead=min(letters, batch.count))
                        letters = 0

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        worker.register_death()  # type: ignore[no-untyped-call]
