"""How near a queue is to its next flush, as bars. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from queues.counts import QueueCount
from queues.policy import counted_from
from wording import number, span


@dataclass(frozen=True, slots=True)
class Bar:
    """`filled` of `full`, never more; `told`: the same in words."""

    filled: int
    full: int
    told: str


def size_of(count: QueueCount) -> Bar:
    """How far a queue is filled: changes that wait, of those that make it due."""
    pending, size = count.waiting.pending, count.policy.size
    return Bar(min(pending, size), size, f"{number(pending)} of {number(size)}")


def age_of(count: QueueCount, now: int) -> Bar | None:
    """How far the wait for the age has come, on the clock that makes the queue due; ms. None where nothing waits."""
    oldest, uploaded, age = count.waiting.oldest, count.waiting.uploaded, count.policy.age_ms
    if oldest is None:
        return None
    waited = max(0, now - counted_from(oldest, uploaded))
    return Bar(min(waited, age), age, f"{span(waited)} of {span(age)}")
