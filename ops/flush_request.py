"""The flushes that `ferry flush --wait` waits for. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from queues.counts import QueueCount
from queues.names import Queue


@dataclass(frozen=True, slots=True)
class FlushRequests:
    """The flushes of one command. `at`: the time before them, in ms by the ledger's clock."""

    at: int
    flushes: list[FlushRequest]


@dataclass(slots=True)
class FlushRequest:
    """The flush of one queue.

    It is done when the queue has taken `upto` changes in total, and the batches open at that time are settled. `asked`:
    pending changes at the time of the flush.
    """

    queue: Queue
    asked: int
    upto: int
    _batches: set[str] | None = field(default=None, init=False)

    def remaining(self, count: QueueCount) -> int:
        """Return the number of changes that are not settled yet; 0: done. Call it repeatedly with newer counts."""
        if count.taken < self.upto:
            return self.upto - count.taken + count.open
        if self._batches is None:
            self._batches = {batch.id for batch in count.batches}
        return sum(batch.count for batch in count.batches if batch.id in self._batches)
