"""What `ferry flush --wait` waits for in one queue. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from queues.counts import QueueCount
from queues.names import Queue


@dataclass(frozen=True, slots=True)
class FlushRequests:
    """What a flush asked for, by an errand for each queue. `at`: ms by the ledger's clock, before it did."""

    at: int
    flushes: list[FlushRequest]


@dataclass(slots=True)
class FlushRequest:
    """Done when everything up to `upto` (changes ever taken) is taken, and the batches open by then are settled.

    `asked`: changes that waited when the flush was asked for.
    """

    queue: Queue
    asked: int
    upto: int
    _batches: set[str] | None = field(default=None, init=False)

    def remaining(self, count: QueueCount) -> int:
        """Changes that are not settled yet; 0: done. To be asked again and again, with newer counts."""
        if count.taken < self.upto:
            return self.upto - count.taken + count.open
        if self._batches is None:
            self._batches = {batch.id for batch in count.batches}
        return sum(batch.count for batch in count.batches if batch.id in self._batches)
