"""Judges again and again beside what a process is there for, in a thread of its own that nothing waits for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from alerting import Alerting
from alerts.judging import judge
from queues import installation
from queues.errors import NotOurs
from queues.server import connect
from settings import Settings

log = logging.getLogger(__name__)

#: Seconds for which the end of the process waits for a judging under way.
END_S: Final = 0.5


@contextmanager
def watching(settings: Settings, every_s: float) -> Iterator[None]:
    """Judge while the block lasts, where a channel is configured. `every_s`: between two tries to have one's turn.

    A thread and no job of the scheduler's, because the web process needs it too: it tells of a silent scheduler.
    """
    if settings.alerts is None:
        yield
        return
    stop = threading.Event()
    redis = connect(settings.redis_url)
    arguments = (redis, settings.installation, settings.alerts, every_s, stop)
    thread = threading.Thread(target=_watch, args=arguments, name="alerts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(END_S)


def _watch(redis: Redis, name: str | None, alerting: Alerting, every_s: float, stop: threading.Event) -> None:
    ours = prevented = False
    while not stop.is_set():
        try:
            if not ours:
                installation.claim(redis, name)
                ours = True
            if judge(redis, alerting) and prevented:
                log.info("alerts are judged again")
                prevented = False
        except NotOurs:
            return  # the process itself finds that too, says so, and ends
        except RedisError as fault:
            if not prevented:
                log.warning("Redis cannot be used (%s); alerts are judged when it can", type(fault).__name__)
            prevented = True
        except Exception:
            # A defect of Ferry's must not end the watch: the next look may be at something else.
            log.exception("alerts could not be judged; the next try is in a minute")
        stop.wait(every_s)
