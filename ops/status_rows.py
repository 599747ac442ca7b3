"""Which queues `ferry status` shows, and in which order. Pure, except `summary`, which reads them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any, Final

from redis import Redis

from ops import status_words as words
from queues import holds
from queues.census import Census, rows, take_summary
from queues.counts import QueueCount
from queues.figures import Figures, summed
from queues.names import Queue
from queues.queue_rows import QueueRow

_NEVER: Final = float("inf")
#: Orders besides the usual one, which puts the queues first that need attention.
SORTS: Final[Mapping[str, Callable[[QueueRow], Any]]] = {
    "pending": lambda row: -row.figure("pending"),
    "oldest": lambda row: row.figure("oldest") or _NEVER,
    "name": lambda row: row.called.casefold(),
    "dead": lambda row: -row.figure("kept"),
}


@dataclass(frozen=True, slots=True)
class RowChoice:
    """The options that choose rows; None: not given."""

    state: str | None = None
    sort: str | None = None
    limit: int | None = None

    def pick(self, rows: Sequence[QueueRow], held: Collection[str]) -> list[str]:
        """Return the names of the queues that a table shows, in its order. `held`: the connections that are held."""
        matching = [row for row in rows if self.state is None or self.state == words.state_of(row, held)]
        most = self.limit or words.SHOWN
        if self.sort is not None:
            key = SORTS[self.sort]
            return [row.queue for row in nsmallest(most, matching, key=lambda row: (key(row), row.queue))]
        urgent = nsmallest(most, matching, key=lambda row: (-row.trouble(held), _NEVER if row.due is None else row.due))
        # Within these groups by name, so that a row stays in its place when the table is shown again.
        return [row.queue for row in sorted(urgent, key=lambda row: (-row.trouble(held), row.queue))]

    def rows(self, census: Census) -> list[QueueCount]:
        """Return the queues that a table shows, of those in a census."""
        counts = {str(count.queue): count for count in census.queues}
        picked = self.pick([QueueRow.of(count) for count in census.queues], census.holds)
        return [counts[queue] for queue in picked]

    def every(self, census: Census) -> list[QueueCount]:
        """Return the queues that a program gets: all that match, unless a limit is given."""
        if self.limit is not None or self.sort is not None:
            return RowChoice(self.state, self.sort, self.limit or max(1, len(census.queues))).rows(census)
        states = ((count, words.state_of(QueueRow.of(count), census.holds)) for count in census.queues)
        return [count for count, state in states if self.state in (None, state)]

    def matching(self, census: Census) -> int:
        """Return how many of all queues match."""
        return census.totals.all.queues if self.state is None else states_of(census)[self.state]


def states_of(census: Census) -> dict[str, int]:
    """Return the number of all queues in each state. Those in trouble must be in the census (census.py)."""
    groups = census.totals.groups.items()
    free = summed(found for (name, _), found in groups if name not in census.holds)
    counts = [count for count in census.queues if count.queue.connection not in census.holds]
    own = summed(Figures.of(count) for count in counts if count.hold)
    failing = sum(words.state_of(QueueRow.of(count), ()) == "failing" for count in counts)
    delivering = free.delivering - own.delivering
    return {
        "blocked": census.totals.all.queues - free.queues,
        "held": free.held,
        "failing": failing,
        "delivering": delivering - failing,
        "waiting": free.unsettled - own.unsettled - delivering,
        "idle": free.queues - free.held - (free.unsettled - own.unsettled),
    }


def summary(redis: Redis, choice: RowChoice | None) -> Census:
    """Return the totals of all queues; of the queues, those in trouble and those chosen. Raises redis.RedisError."""
    picked = choice.pick(rows(redis), holds.of_connections(redis)) if choice else ()
    return take_summary(redis, [Queue.parse(name) for name in picked])
