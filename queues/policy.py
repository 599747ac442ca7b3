"""The flush policy, which decides when a queue is due and how much is taken.

The defaults are those of mParticle's bulk forwarding to Klaviyo: 100 items or 16 hours. Pure: no Redis, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Reason = Literal["size", "age", "operator"]


@dataclass(frozen=True, slots=True)
class FlushPolicy:
    """A policy. `size`: changes that make a queue due. `age_ms`: the longest wait.

    `upload_max`: people per upload, each with all their pending changes, or changes where each is sent by itself.
    """

    size: int = 100
    age_ms: int = 960 * 60_000
    upload_max: int = 100


#: Policies of the kinds that do not follow the one for people. An unsubscription must not wait for hours.
OF_KIND: Final[Mapping[str, FlushPolicy]] = {
    "event": FlushPolicy(age_ms=60_000, upload_max=1_000),
    "consent": FlushPolicy(age_ms=60_000, upload_max=1_000),
    "erasure": FlushPolicy(size=1, age_ms=60_000),
    # One per batch: the next snapshot may be launched days later.
    "snapshot": FlushPolicy(size=1, age_ms=60_000, upload_max=1),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """The input of the policy. Times in ms; `oldest` and `uploaded` are None if there is no such time.

    `asked` is the number of pending changes, from the oldest on, that are taken whatever the size and age: an operator
    requested a flush, or they were pending when the age was reached. `asked_by` says which.
    """

    pending: int
    oldest: int | None = None
    uploaded: int | None = None
    asked: int = 0
    asked_by: Reason = "operator"


def due_at(waiting: Waiting, policy: FlushPolicy) -> int | None:
    """Return the ms at which the queue is due: 0 for at once, None for never (no pending changes).

    The age counts from the last upload or the oldest pending change, whichever is earlier, so that no change waits
    longer than the age, and the first change after a long quiet period is sent at once.
    """
    if waiting.pending == 0 or waiting.oldest is None:
        return None
    if waiting.asked > 0 or waiting.pending >= policy.size:
        return 0
    return counted_from(waiting.oldest, waiting.uploaded) + policy.age_ms


def counted_from(oldest: int, uploaded: int | None) -> int:
    """Return the ms from which the age counts: the oldest pending change or the last upload, whichever is earlier."""
    return oldest if uploaded is None else min(oldest, uploaded)


def decide(waiting: Waiting, policy: FlushPolicy, now: int) -> tuple[Reason, int] | None:
    """Return the reason to take a batch now and its maximum size, None if nothing is due.

    Age and operator take everything, in uploads of at most `upload_max`; size takes repeatedly while at least `size`
    are pending, so that with the defaults 250 pending changes become two uploads of 100, and 50 stay pending.
    """
    due = due_at(waiting, policy)
    if due is None or due > now:
        return None
    most = min(waiting.pending, policy.upload_max)
    if waiting.asked > 0:
        return waiting.asked_by, min(most, waiting.asked)
    return ("size" if waiting.pending >= policy.size else "age"), most


def behind(waiting: Waiting, policy: FlushPolicy) -> int:
    """Return how much to take by size from behind the changes that a flush asked for, if none of those can be taken.

    Their people may be in open batches for a long time, which must not keep everybody else waiting. 0: nothing.
    """
    later = waiting.pending - waiting.asked
    return min(later, policy.upload_max) if waiting.asked and later >= policy.size else 0
