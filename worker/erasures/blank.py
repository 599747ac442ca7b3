"""Blanks a forgotten person's changes in open batches.

This must not happen while Klaviyo may still carry out something of the batch, which could create the deleted profile
again. A batch of a running queue ends soon, and the erasure waits for it. For a held queue, Ferry asks Klaviyo whether
the batch's imports are over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from redis import Redis

from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Gone
from queues import batches, erasure, holds
from queues.change import Change
from queues.clock import now_ms
from queues.erasure import BatchPosition
from queues.holds import Hold
from queues.names import Queue
from worker import progress
from worker.consents.rows import UNDER_WAY_S
from worker.progress import Job, Progress

#: ms after the start of a hold when an import with an unknown job is over: big imports take minutes.
UNKNOWN_JOB_MS: Final = 600_000
_OF_IMPORTS: Final = ("audience", "profile")


def blank_out(redis: Redis, queue: Queue, places: Iterable[BatchPosition], klaviyo: Klaviyo | None) -> bool:
    """Blank these changes in the open batches of a queue; return False when one of the batches has to wait.

    `klaviyo`: None when no request may be sent. Raises NotAccepted, redis.RedisError.
    """
    by_batch: defaultdict[str, dict[int, Change]] = defaultdict(dict)
    for place in places:
        by_batch[place.batch][place.number] = place.change
    hold = holds.of_queue(redis, queue)
    left = [name for name, found in by_batch.items() if not _blank_out(redis, queue, name, found, hold, klaviyo)]
    return not left


def _blank_out(
    redis: Redis, queue: Queue, batch_id: str, changes: dict[int, Change], hold: Hold | None, klaviyo: Klaviyo | None
) -> bool:
    before = batches.progress(redis, batch_id)
    state = progress.load(before)
    if _is_under_way(state, hold, klaviyo):
        return False
    return erasure.blank_out(redis, batch_id, changes, before, progress.dump(_without(state, queue, changes)))


def _is_under_way(state: Progress, hold: Hold | None, klaviyo: Klaviyo | None) -> bool:
    if hold is None:
        return state.sending or state.under_way or bool(state.jobs)
    held_ms = now_ms() - hold.since
    if (state.sending and held_ms < UNKNOWN_JOB_MS) or (state.under_way and held_ms < UNDER_WAY_S * 1000):
        return True
    return not all(_is_over(job, klaviyo) for job in state.jobs)


def _is_over(job: Job, klaviyo: Klaviyo | None) -> bool:
    if job.done:
        return True
    if klaviyo is None:
        return False
    try:
        return klaviyo.import_job(job.id).status in ("complete", "cancelled")
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, Gone):
            return True
        raise


def _without(state: Progress, queue: Queue, changes: Iterable[int]) -> Progress:
    """Return the progress without its data of these changes.

    Import batches start again, because without these changes the people may be numbered differently.
    """
    if queue.kind in _OF_IMPORTS:
        return Progress()
    for index in changes:
        for held in (state.rejected, state.warnings, state.acting):
            held.pop(index, None)
    return state
