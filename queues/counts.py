"""The census of one queue. Pure values; times in ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from queues.holds import Hold
from queues.names import UNREADABLE, Queue
from queues.policy import FlushPolicy, Reason, Waiting, due_at
from text.escaping import visible


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """An open batch.

    `stage`: upload, confirm or remove. `held`: a worker has it now. `ring`: the next ring for a worker, or the end of
    the current worker's lease. `trouble`: why it is retried, such as `http_503`; empty if the last step succeeded.
    """

    id: str
    taken: int
    count: int
    reason: str
    stage: str
    attempts: int
    held: bool
    ring: int
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class QueueCount:
    """The figures of one queue, all of the same moment.

    `dead`: letters that were not replayed; `kept`: those of them that still exist; `evicted`: those deleted because
    they were too many or too old. `imported`: changes that Klaviyo imported without a check of the list. `taken`:
    changes ever taken, except from behind a requested flush; `landed`: ms at which the last batch was settled that
    Klaviyo took, at least in part; `upto`: the value of `taken` at which a requested flush is complete. `left_out`:
    people delivered without some field, by the code of its fault.
    """

    queue: Queue
    name: str
    policy: FlushPolicy
    waiting: Waiting
    accepted: int
    open: int
    delivered: int
    dead: int
    superseded: int
    kept: int
    taken: int
    upto: int
    evicted: int = 0
    hold: Hold | None = None
    list_id: str | None = None
    batches: tuple[OpenBatch, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    imported: int = 0
    landed: int | None = None

    @property
    def missing(self) -> int:
        """The changes that this equation misses; anything but 0 is a fault.

        accepted = pending + open + delivered + imported + dead + superseded.
        """
        ended = self.delivered + self.imported + self.dead + self.superseded
        return self.accepted - (self.waiting.pending + self.open + ended)

    @property
    def due(self) -> int | None:
        """The ms at which the queue is due; 0: at once; None: no pending changes."""
        return due_at(self.waiting, self.policy)

    @property
    def trigger(self) -> Reason | None:
        """The reason that makes the queue due next; None: no pending changes."""
        if self.waiting.pending == 0:
            return None
        if self.waiting.asked > 0:
            return self.waiting.asked_by
        return "size" if self.waiting.pending >= self.policy.size else "age"


def called(count: QueueCount) -> str:
    """Return the audience's name; without one a snapshot's audience id, or the kind in parentheses: `(event)`."""
    return named(count.queue, count.name)


def named(queue: Queue, audience: str | None) -> str:
    """Return the same for a queue and the name of its audience, if it has one."""
    if audience:
        return visible(audience)
    if queue.kind == "snapshot" and queue.target != UNREADABLE:
        return visible(queue.target)
    if queue.kind != "audience":
        return f"({queue.kind})"
    return "(unreadable)" if queue.target == UNREADABLE else "(no name)"
