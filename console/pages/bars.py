"""Bars for a queue's next flush: its size and its age. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from queues.counts import QueueCount
from queues.policy import counted_from
from text.wording import duration, number


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar. `filled`: never more than `full`; `told`: the same in words."""

    filled: int
    full: int
    told: str

    @property
    def share(self) -> float:
        """The filled part, 0 to 1."""
        return self.filled / self.full


def size_of(count: QueueCount) -> Bar:
    """Return the pending changes of a queue, of the number that makes it due."""
    pending, size = count.waiting.pending, count.policy.size
    return Bar(min(pending, size), size, f"{number(pending)} / {number(size)}")


def age_of(count: QueueCount, now: int) -> Bar | None:
    """Return the ms waited, of the age that makes the queue due; None without pending changes."""
    oldest, uploaded, age = count.waiting.oldest, count.waiting.uploaded, count.policy.age_ms
    if oldest is None:
        return None
    waited = max(0, now - counted_from(oldest, uploaded))
    return Bar(min(waited, age), age, f"{duration(waited)} of {duration(age)}")
