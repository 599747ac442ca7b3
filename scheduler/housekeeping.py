"""Keeps the ledger within its bounds, and logs an error before anything is deleted.

It runs beside the ticks, a few queues at a time, so that a large ledger delays neither a tick nor a change.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from redis import Redis

from queues import bounds, dead_letters, doorbell, figures, pending, schedulers, undecided_erasures
from queues.connections import key_changes
from queues.dead_letters import KeptLetters
from queues.history import batches as history
from queues.names import PARTITIONS, Queue
from queues.snapshots import members

log = logging.getLogger(__name__)

#: ms between two runs, for all schedulers together.
EVERY_MS = 60_000
#: Share of a bound above which an error is logged, and ms between two such errors about one queue.
ALARM_SHARE = 0.8
ALARM_MS = 3_600_000
#: Failed RQ jobs kept for inspection. Each names its batch; the log says why it failed.
FAILED_JOBS = 1_000

_DAY_MS = 86_400_000
#: Queues read in one round trip.
_AT_ONCE = 200


def housekeep(redis: Redis, now: int) -> None:
    """Log errors and delete what exceeds the bounds, unless a scheduler did within the minute. `now`: ms."""
    if not schedulers.may_housekeep(redis, now, EVERY_MS):
        return
    queues = pending.all_queues(redis)
    for start in range(0, len(queues), _AT_ONCE):
        _bound(redis, queues[start : start + _AT_ONCE], now)
    # One partition in each run: only an older Ferry, while it runs beside this one, leaves figures that are wrong.
    turn = now // EVERY_MS % PARTITIONS
    figures.recount(redis, [queue for queue in queues if queue.partition == turn])
    doorbell.forget_failures(redis, FAILED_JOBS)
    key_changes.prune(redis, now)


def _bound(redis: Redis, queues: Sequence[Queue], now: int) -> None:
    for queue, kept in zip(queues, dead_letters.kept(redis, queues), strict=True):
        if used(kept, now) > ALARM_SHARE:
            _alarm(redis, queue, kept, now)
            _evict(redis, queue, now)
    history.trim(redis, queues, now)
    for queue in members.let_go_of_lapsed(redis, queues, now):
        log.warning(
            "%s: a repair did not finish and was abandoned; compare again with `ferry reconcile %s`", queue, queue
        )


def used(kept: KeptLetters, now: int) -> float:
    """Return the share of its bounds that a queue's letters use; above 1, there are too many or too old ones. Pure."""
    age = 0 if kept.oldest is None else now - kept.oldest
    return max(kept.letters / bounds.LETTERS, age / bounds.LETTER_MS)


def _alarm(redis: Redis, queue: Queue, kept: KeptLetters, now: int) -> None:
    if kept.oldest is None or not schedulers.may_alarm(redis, queue, now, ALARM_MS):
        return
    log.error(
        "%s keeps %d dead letters, the oldest for %.1f days. Above %d, or after %d days, the oldest are deleted: view "
        "them with `ferry dead list --queue %s`, then replay or export them. Erasures that need a look are kept",
        queue,
        kept.letters,
        (now - kept.oldest) / _DAY_MS,
        bounds.LETTERS,
        bounds.LETTER_MS // _DAY_MS,
        queue,
    )


def _evict(redis: Redis, queue: Queue, now: int) -> None:
    if evicted := dead_letters.evict(redis, queue, bounds.LETTERS, now - bounds.LETTER_MS, undecided_erasures.REASON):
        log.error(
            "%s: %d dead letters were too many or too old and have been deleted; they stay counted", queue, evicted
        )
