"""Which dead letters a page shows or a replay is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import Final
from urllib.parse import urlencode

import falcon

from ops.dead_letters.selecting import age_ms
from queues.census import Census
from queues.counts import QueueCount

#: Ages that the form offers, in the form of `ferry dead list --older-than`, and in words.
AGES: Final = {"": "any", "1h": "an hour", "1d": "a day", "7d": "7 days", "14d": "14 days"}
#: Queues that a form offers: senders may name audiences without end.
_OFFERED: Final = 200


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """`queue`: its name as `str` writes it; `older`: died at least so long ago (`7d`). Empty: whatever it is."""

    queue: str = ""
    reason: str = ""
    older: str = ""

    @property
    def address(self) -> str:
        """The page of what fits."""
        return self.behind("")

    def behind(self, before: str) -> str:
        """The page of what fits and comes behind a letter (letter_ref.py)."""
        given = {"queue": self.queue, "reason": self.reason, "older": self.older, "before": before}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"/dead?{query}" if query else "/dead"

    def but(self, **other: str) -> LetterFilter:
        """The same with something else."""
        return replace(self, **other)

    def until(self, now: int) -> int:
        """The ms before which a letter that fits has died. `now`: ms."""
        return now - (age_ms(self.older) if self.older else 0)

    def queues(self, census: Census) -> list[QueueCount]:
        """Where to look: the queue that is meant, or all that keep letters."""
        return [count for count in census.queues if count.kept and self.queue in ("", str(count.queue))]

    def choices(self, census: Census) -> list[QueueCount]:
        """The queues that a form offers: those with the most letters, and the one that is meant."""
        keeping = (count for count in census.queues if count.kept)
        offered = {count.queue for count in nlargest(_OFFERED, keeping, key=lambda count: count.kept)}
        return [count for count in census.queues if count.queue in offered or str(count.queue) == self.queue]


def filter_of(given: Callable[[str], str | None]) -> LetterFilter:
    """What a query or a form says; `given`: its fields. Raises HTTPBadRequest for an age that is none."""
    found = LetterFilter(*((given(name) or "").strip() for name in ("queue", "reason", "older")))
    try:
        found.until(0)
    except ValueError as fault:
        raise falcon.HTTPBadRequest(title="Which letters?", description=f"older: {fault}.") from fault
    return found
