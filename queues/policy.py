"""The flush policy: when a queue is due, and how much is taken.

Parity with mParticle's bulk forwarding to Klaviyo: 100 items or 16 hours. Pure: no Redis, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Reason = Literal["size", "age", "operator"]


@dataclass(frozen=True, slots=True)
class FlushPolicy:
    """`size`: changes that make a queue due. `age_ms`: the longest wait. `upload_max`: changes in one upload."""

    size: int = 100
    age_ms: int = 960 * 60_000
    upload_max: int = 100


#: Of the kinds that do not go by the policy for people. Whoever unsubscribes must not wait for hours.
OF_KIND: Final[Mapping[str, FlushPolicy]] = {
    "event": FlushPolicy(age_ms=60_000, upload_max=1_000),
    "consent": FlushPolicy(age_ms=60_000, upload_max=1_000),
    "erasure": FlushPolicy(size=1, age_ms=60_000),
    # Each by itself: what waits behind it may be launched days later.
    "snapshot": FlushPolicy(size=1, age_ms=60_000, upload_max=1),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the policy looks at. Times in ms; `oldest` and `uploaded` are None when there is no such time.

    `asked` is the number of pending changes, from the oldest on, that must go whatever the size and age: an operator
    asked for them, or they waited when the age came up. `asked_by` says which.
    """

    pending: int
    oldest: int | None = None
    uploaded: int | None = None
    asked: int = 0
    asked_by: Reason = "operator"


def due_at(waiting: Waiting, policy: FlushPolicy) -> int | None:
    """The ms at which the queue is due: 0 for at once, None for never (nothing waits).

    Counted from the last upload or the oldest pending change, whichever comes first, so that no change waits longer
    than the age, and one that ends a long quiet spell goes out at once.
    """
    if waiting.pending == 0 or waiting.oldest is None:
        return None
    if waiting.asked > 0 or waiting.pending >= policy.size:
        return 0
    return counted_from(waiting.oldest, waiting.uploaded) + policy.age_ms


def counted_from(oldest: int, uploaded: int | None) -> int:
    """The ms from which the age counts: of the oldest pending change or of the last upload, whichever comes first."""
    return oldest if uploaded is None else min(oldest, uploaded)


def decide(waiting: Waiting, policy: FlushPolicy, now: int) -> tuple[Reason, int] | None:
    """Why to take a batch now and the most it may hold; None when nothing is due.

    Age and operator take everything, in uploads of at most `upload_max`; size takes again and again while at least
    `size` wait, so that 250 pending with the defaults become two uploads of 100, and 50 go on waiting.
    """
    due = due_at(waiting, policy)
    if due is None or due > now:
        return None
    most = min(waiting.pending, policy.upload_max)
    if waiting.asked > 0:
        return waiting.asked_by, min(most, waiting.asked)
    return ("size" if waiting.pending >= policy.size else "age"), most
