"""Which queues `ferry status` shows, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ops import status_words as words
from ops.most_urgent import SHOWN, most_urgent_queues
from queues.census import Census
from queues.counts import QueueCount, called

#: The states of a queue; the first that applies is its state.
STATES: Final = ("held", "failing", "waiting", "idle")
_NEVER: Final = float("inf")
#: Orders besides the usual one, which puts the queues first that need attention.
SORTS: Final[Mapping[str, Callable[[QueueCount], Any]]] = {
    "pending": lambda count: -count.waiting.pending,
    "oldest": lambda count: _NEVER if count.waiting.oldest is None else count.waiting.oldest,
    "name": lambda count: called(count).casefold(),
    "dead": lambda count: -count.kept,
}


@dataclass(frozen=True, slots=True)
class RowChoice:
    """The options that choose rows; None: not given."""

    state: str | None = None
    sort: str | None = None
    limit: int | None = None

    def rows(self, census: Census) -> list[QueueCount]:
        """Return the queues that a table shows."""
        matching = self.matching(census)
        most = self.limit or SHOWN
        if self.sort is None:
            return most_urgent_queues(replace(census, queues=tuple(matching)), most)
        return self._sorted(matching)[:most]

    def every(self, census: Census) -> list[QueueCount]:
        """Return the queues that a program gets: all that match, unless a limit is given."""
        if self.limit is not None:
            return self.rows(census)
        matching = self.matching(census)
        return matching if self.sort is None else self._sorted(matching)

    def matching(self, census: Census) -> list[QueueCount]:
        """Return the queues in the chosen state."""
        return [count for count in census.queues if self.state in (None, state_of(count, census))]

    def _sorted(self, matching: list[QueueCount]) -> list[QueueCount]:
        key = SORTS[self.sort or "name"]
        return sorted(matching, key=lambda count: (key(count), count.queue))


def state_of(count: QueueCount, census: Census) -> str:
    """Return the state of a queue, one of STATES."""
    if words.is_held(count, census):
        return "held"
    if any(words.failed(batch) for batch in count.batches):
        return "failing"
    return "waiting" if count.waiting.pending or count.open else "idle"
