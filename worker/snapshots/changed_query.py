"""The guard of a query that was changed: its first results may change few members before somebody looks.

A mistake in new SQL adds people as easily as it removes them, and the usual limit, which knows removals only, is made
for a query that was right before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis import Redis

from queues.queries import good, records
from queues.snapshots.records import Counts, SnapshotOrder
from snapshots.plan import SMALL

#: The share that may be added, or removed, is max_removal_percent divided by this.
PART: Final = 3


def verdict_of(redis: Redis, query: str, order: SnapshotOrder, counts: Counts, max_removal_percent: int) -> str | None:
    """Return why the result of a changed query needs a confirmation; None if it does not, or is no query's."""
    if not order.definition:
        return None
    changed = good.changed(records.states(redis, [query])[query], order.definition)
    return verdict(counts, max_removal_percent, changed)


def verdict(counts: Counts, max_removal_percent: int, changed: Sequence[str]) -> str | None:
    """Return why, with the numbers, or None. `changed`: what of the query changed since its last good run. Pure.

    A list of fewer people counts as one of SMALL: a few people are many percent of it.
    """
    most = max_removal_percent * max(counts.held, SMALL) // (100 * PART)
    if not changed or max(counts.adds, counts.removals) <= most:
        return None
    return (
        f"the {' and the '.join(changed)} changed since the last good run, and the result adds {counts.adds:,} people "
        f"to the list of {counts.held:,} and takes {counts.removals:,} off; after a change at most {most:,} each way "
        f"need no review, a third of max_removal_percent ({max_removal_percent})"
    )
