"""The filter that selects dead letters for a page or a replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import Final

import falcon
from redis import Redis

from console.forms import address
from ops.dead_letters.selecting import age_ms
from queues.census import Census, take_letters
from queues.counts import QueueCount
from queues.names import Queue

#: Minimum ages that the form offers, as `ferry dead list --older-than` takes them, and in words.
AGES: Final = {"": "any", "1h": "over 1 hour", "1d": "over 1 day", "7d": "over 7 days", "14d": "over 14 days"}
#: Most queues that a form offers; the number of audiences is not limited.
_OFFERED: Final = 200


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """A filter. `queue`: its name as `str` writes it; `older`: the minimum age (`7d`). Empty: any."""

    queue: str = ""
    reason: str = ""
    older: str = ""

    @property
    def address(self) -> str:
        """The address of the page with the matching letters."""
        return self.behind("")

    def behind(self, before: str) -> str:
        """Return the address of the page with the matching letters before a letter (letter_ref.py)."""
        given = {"queue": self.queue, "reason": self.reason, "older": self.older, "before": before}
        return address("/dead", given)

    def but(self, **other: str) -> LetterFilter:
        """Return the filter with other values."""
        return replace(self, **other)

    def until(self, now: int) -> int:
        """Return the ms before which the matching letters died. `now`: ms."""
        return now - (age_ms(self.older) if self.older else 0)

    def read(self, redis: Redis) -> Census:
        """Read the queues with dead letters, and the selected one. Raises redis.RedisError."""
        try:
            return take_letters(redis, [Queue.parse(self.queue)] if self.queue else ())
        except ValueError:  # no queue has this name
            return take_letters(redis)

    def queues(self, census: Census) -> list[QueueCount]:
        """Return the queues to search: the selected one, or all that keep letters."""
        return [count for count in census.queues if count.kept and self.queue in ("", str(count.queue))]

    def choices(self, census: Census) -> list[QueueCount]:
        """Return the queues that a form offers: those with the most letters, and the selected one."""
        keeping = (count for count in census.queues if count.kept)
        offered = {count.queue for count in nlargest(_OFFERED, keeping, key=lambda count: count.kept)}
        return [count for count in census.queues if count.queue in offered or str(count.queue) == self.queue]


def filter_of(given: Callable[[str], str | None]) -> LetterFilter:
    """Return the filter of a query or a form. `given`: reads a field. Raises HTTPBadRequest for an invalid age."""
    found = LetterFilter(*((given(name) or "").strip() for name in ("queue", "reason", "older")))
    try:
        found.until(0)
    except ValueError as fault:
        raise falcon.HTTPBadRequest(title="The filter is not valid", description=f"older: {fault}.") from fault
    return found
