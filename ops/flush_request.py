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
    pending changes at the time of the flush. `launches_at`: ms, of a snapshot whose launch is still to come; a flush
    does not hasten it, so nothing is waited for.
    """

    queue: Queue
    asked: int
    upto: int
    launches_at: int | None = None
    _batches: set[str] | None = field(default=None, init=False)

    def remaining(self, count: QueueCount) -> int:
        """Return the number of changes that are not settled yet; 0: done. Call it repeatedly with newer counts."""
        if self.launches_at is not None:
            return 0
        if count.taken < self.upto:
            return self.upto - count.taken + count.open
        if self._batches is None:
            self._batches = {batch.id for batch in count.batches}
        return sum(batch.count for batch in count.batches if batch.id in self._batches)
