"""Housekeeping: the ledger is kept within its bounds, and whoever runs it is told before anything is deleted."""

from __future__ import annotations

import logging

from redis import Redis

from queues import bounds, dead_letters, doorbell, history, key_changes, keys, looks, members, pending
from queues.dead_letters import Kept
from queues.names import Queue

log = logging.getLogger(__name__)

#: ms between two times, for all schedulers together.
EVERY_MS = 60_000
#: The part of a bound beyond which the alarm is given, and the ms between two alarms about one queue.
ALARM_SHARE = 0.8
ALARM_MS = 3_600_000
#: Failed RQ jobs kept to be looked at. Each says which batch it was about; the log says why it failed.
FAILED_JOBS = 1_000

_DAY_MS = 86_400_000


def housekeep(redis: Redis, now: int) -> None:
    """Give alarms and delete what is beyond the bounds, unless a scheduler did within the minute. `now`: ms."""
    if not redis.set(keys.HOUSEKEEPING, now, nx=True, px=EVERY_MS):
        return
    queues = pending.all_queues(redis)
    for queue, kept in zip(queues, dead_letters.kept(redis, queues), strict=True):
        if used(kept, now) > ALARM_SHARE:
            _alarm(redis, queue, kept, now)
            _evict(redis, queue, now)
    history.trim(redis, queues, now)
    for queue in members.let_go_of_lapsed(redis, queues, now):
        log.warning("%s: a repair has not ended and is given up; compare again with `ferry reconcile %s`", queue, queue)
    doorbell.forget_failures(redis, FAILED_JOBS)
    key_changes.prune(redis, now)


def used(kept: Kept, now: int) -> float:
    """How much of its bounds a queue's letters use; more than 1: some are too many or too old. Pure."""
    age = 0 if kept.oldest is None else now - kept.oldest
    return max(kept.letters / bounds.LETTERS, age / bounds.LETTER_MS)


def _alarm(redis: Redis, queue: Queue, kept: Kept, now: int) -> None:
    if kept.oldest is None or not redis.set(keys.queue(queue, "alarmed"), now, nx=True, px=ALARM_MS):
        return
    log.error(
        "%s keeps %d dead letters, the oldest for %.1f days. Beyond %d, or %d days, the oldest are deleted for good: "
        "look at them with `ferry dead list --queue %s`, then replay or export them. Erasures that need a look stay",
        queue,
        kept.letters,
        (now - kept.oldest) / _DAY_MS,
        bounds.LETTERS,
        bounds.LETTER_MS // _DAY_MS,
        queue,
    )


def _evict(redis: Redis, queue: Queue, now: int) -> None:
    if evicted := dead_letters.evict(redis, queue, bounds.LETTERS, now - bounds.LETTER_MS, looks.REASON):
        log.error("%s: %d dead letters were too many or too old and are deleted; they stay counted", queue, evicted)
