"""A scheduler and a worker in a thread of the test's own process, for commands that wait for what they asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

from queues import doorbell  # before rq: doorbell sets RQ's key prefix

# isort: split
from rq import Worker

from configuration import settings
from queues.clock import now_ms
from scheduler.tick import tick
from tests.support.recovery import let_time_pass, open_batches
from worker.deliver import deliver


@contextmanager
def working(url: str) -> Iterator[None]:
    """Whatever is due is taken, and what is taken is delivered, with no wait between. Settings are the process's."""
    with Redis.from_url(url) as redis:
        worker = Worker([doorbell.rq_queue(redis)], connection=redis)
        worker.register_birth()  # type: ignore[no-untyped-call]
        known = settings.load()
        tick(redis, known.connections, now_ms())  # leaves a heartbeat before anybody looks for one
        stop = threading.Event()
        thread = threading.Thread(target=_work, args=(url, known, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            worker.register_death()  # type: ignore[no-untyped-call]


def _work(url: str, known: settings.Settings, stop: threading.Event) -> None:
    with Redis.from_url(url) as redis:
        while not stop.wait(0.02):
            let_time_pass(redis)
            tick(redis, known.connections, now_ms())
            for batch_id in open_batches(redis):
                deliver(batch_id)
