"""The queues that the overview and `ferry status` show, and their order. Pure."""

from __future__ import annotations

from heapq import nsmallest
from typing import Final

from ops import status_words as words
from queues.census import Census
from queues.counts import QueueCount

#: Most queues in one table: a screen can show thousands, but a person cannot read them.
SHOWN: Final = 200


def most_urgent_queues(census: Census, most: int = SHOWN) -> list[QueueCount]:
    """Return the queues that need attention, then those due next; at most `most`.

    Faults come first, then held queues, failed batches and dead letters. Within these groups queues are sorted by
    name, so that a row stays in its place when the page is refreshed.
    """
    trouble = {count.queue: _trouble(count, census) for count in census.queues}

    def urgency(count: QueueCount) -> tuple[tuple[bool, ...], float]:
        return trouble[count.queue], float("inf") if count.due is None else count.due

    shown = nsmallest(most, census.queues, key=urgency)
    return sorted(shown, key=lambda count: (trouble[count.queue], count.queue))


def _trouble(count: QueueCount, census: Census) -> tuple[bool, ...]:
    failed = any(words.failed(batch) for batch in count.batches)
    return count.missing == 0, not words.is_held(count, census), not failed, count.kept == 0
