"""Count dead letters by queue and reason, and find a page of them, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest

from redis import Redis

from console.pages.letter_filter import LetterFilter
from console.pages.letter_ref import LetterRef
from queues import letter_scan
from queues.counts import QueueCount
from queues.dead_letters import DeadLetter
from queues.names import Queue


@dataclass(frozen=True, slots=True)
class LetterCounts:
    """`counts`: (queue, reason) -> matching letters. `page`: the newest; `more`: its last one, if others follow."""

    counts: Counter[tuple[Queue, str]]
    page: Sequence[DeadLetter] = ()
    more: LetterRef | None = None

    def by_queue(self) -> dict[Queue, Counter[str]]:
        """Return queue -> reason -> matching letters."""
        found: dict[Queue, Counter[str]] = {}
        for (queue, reason), letters in self.counts.items():
            found.setdefault(queue, Counter())[reason] = letters
        return found


def count_letters(
    redis: Redis,
    queues: Iterable[QueueCount],
    wanted: LetterFilter,
    until: int,
    most: int = 0,
    before: LetterRef | None = None,
) -> LetterCounts:
    """Count the matching letters of these queues that died before `until` (ms), and read the newest of them.

    It reads at most `most` letters, only letters older than `before`. Raises redis.RedisError.
    """
    counts: Counter[tuple[Queue, str]] = Counter()
    refs = _counted(redis, queues, wanted, until, counts)
    found = nlargest(most + 1, (ref for ref in refs if before is None or ref < before))
    shown = found[:most]
    page = letter_scan.some(redis, [(ref.queue, ref.id) for ref in shown])
    return LetterCounts(counts, page, shown[-1] if shown and len(found) > most else None)


def fitting(redis: Redis, queue: Queue, wanted: LetterFilter, until: int) -> list[str]:
    """Return the ids of a queue's matching letters, oldest first. Raises redis.RedisError."""
    return [ref.id for ref in reversed([ref for ref, _ in _fitting(redis, queue, wanted, until)])]


def _counted(
    redis: Redis, queues: Iterable[QueueCount], wanted: LetterFilter, until: int, counts: Counter[tuple[Queue, str]]
) -> Iterator[LetterRef]:
    for count in queues:
        for ref, reason in _fitting(redis, count.queue, wanted, until):
            counts[count.queue, reason] += 1
            yield ref


def _fitting(redis: Redis, queue: Queue, wanted: LetterFilter, until: int) -> Iterator[tuple[LetterRef, str]]:
    for each in letter_scan.glances(redis, queue):
        if each.at < until and wanted.reason in ("", each.reason):
            yield LetterRef(each.at, each.nth, queue), each.reason
