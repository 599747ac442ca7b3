"""The shared state of schedulers: a heartbeat that shows that one runs, turns, and the wake-up.

A turn is taken once for all schedulers together: the one that takes it does the work, and the others skip it.
"""

from __future__ import annotations

from redis import Redis

from queues import keys
from queues.names import Queue


def heartbeat(redis: Redis, now: int, lasts_ms: int) -> None:
    """Record that a scheduler has ticked. `now`: ms."""
    redis.set(keys.HEARTBEAT, now, px=lasts_ms)


def wait_for_wake(redis: Redis, seconds: int) -> bool:
    """Wait up to `seconds`; return whether a queue became due."""
    return bool(redis.blpop([keys.WAKE], timeout=seconds))


def may_probe(redis: Redis, now: int, every_ms: int) -> bool:
    """Take the turn to probe held connections; return False while another scheduler has it."""
    return _turn(redis, keys.PROBING, now, every_ms)


def next_probe(redis: Redis, now: int) -> int | None:
    """Return the ms at which held connections are probed next; None if no scheduler has probed lately. `now`: ms."""
    left = int(redis.pttl(keys.PROBING))
    return now + left if left > 0 else None


def may_housekeep(redis: Redis, now: int, every_ms: int) -> bool:
    """Take the turn for housekeeping; return False while another scheduler has it."""
    return _turn(redis, keys.HOUSEKEEPING, now, every_ms)


def may_compare(redis: Redis, now: int, every_ms: int) -> bool:
    """Take the turn to order comparisons of lists; return False while another scheduler has it."""
    return _turn(redis, keys.COMPARING, now, every_ms)


def may_alarm(redis: Redis, queue: Queue, now: int, every_ms: int) -> bool:
    """Take the turn to warn of a queue's too many or too old dead letters; return False after a recent warning."""
    return _turn(redis, keys.queue(queue, "alarmed"), now, every_ms)


def _turn(redis: Redis, key: str, now: int, every_ms: int) -> bool:
    return bool(redis.set(key, now, nx=True, px=every_ms))
