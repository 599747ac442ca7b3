"""What is stuck: changes that do not move until somebody acts, for monitors (`ferry status --check`). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from ops import status_words as words
from ops.holds import held_connections, held_queues
from queues.census import LATE_MS, Census
from queues.counts import QueueCount
from text.escaping import visible
from text.wording import duration, plural, sentence

#: ms for which retries, and changes that are over their queue's age, count as normal.
PATIENCE_MS: Final = LATE_MS


def stuck(census: Census) -> Iterator[str]:
    """Yield a line for each thing that is stuck, whatever the number of its queues.

    A hold that a person placed is intended, and dead letters are settled: neither is stuck.
    """
    yield from _processes(census)
    yield from _holds(census)
    free = [count for count in census.queues if not words.is_held(count, census)]
    yield from _retries(free, census.at)
    yield from _late(free, census.at)
    yield from _ledger(census)


def _processes(census: Census) -> Iterator[str]:
    if census.heartbeat is None:
        yield "no scheduler ran within the last minute"
    if not census.workers:
        yield "no worker is running"


def _holds(census: Census) -> Iterator[str]:
    changes: defaultdict[str, int] = defaultdict(int)
    queues: defaultdict[str, int] = defaultdict(int)
    for held in (*held_connections(census), *held_queues(census)):
        if held.stops:
            changes[words.reason_of(held.hold)] += held.changes
            queues[words.reason_of(held.hold)] += held.figures.unsettled
    for reason in sorted(changes):
        waits = plural(changes[reason], "change waits", "changes wait")
        yield f"{plural(queues[reason], 'queue is', 'queues are')} held ({reason}): {waits}"


def _retries(free: list[QueueCount], now: int) -> Iterator[str]:
    opened = [batch for count in free for batch in count.batches if words.failed(batch)]
    long = [batch for batch in opened if now - batch.taken > PATIENCE_MS]
    if long:
        since = duration(now - min(batch.taken for batch in long))
        faults = ", ".join(sorted({visible(batch.trouble) for batch in long}))
        yield f"{plural(len(long), 'batch fails', 'batches fail')} for {since} ({faults})"


def _late(free: list[QueueCount], now: int) -> Iterator[str]:
    over = [now - count.waiting.oldest - count.policy.age_ms for count in free if count.waiting.oldest is not None]
    late = [each for each in over if each > PATIENCE_MS]
    if late:
        yield f"{plural(len(late), 'queue has', 'queues have')} changes that are late, by up to {duration(max(late))}"


def _ledger(census: Census) -> Iterator[str]:
    if census.fall is not None:
        yield sentence(str(census.fall))
    missing = census.totals.all.missing
    if missing:
        yield f"{plural(missing, 'change is', 'changes are')} unaccounted for"
