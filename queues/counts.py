"""What a census tells of one queue. Pure values; times in ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from queues.holds import Hold
from queues.names import UNREADABLE, Queue
from queues.policy import FlushPolicy, Reason, Waiting, due_at
from text.escaping import visible


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch under way.

    `stage`: upload, confirm or remove. `held`: a worker has it right now. `ring`: when a worker is rung for it next,
    or when the lease of the one that has it ends. `trouble`: why it is tried again, such as `http_503`; empty where the
    last step worked.
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
    """One queue; all figures belong to one moment.

    `dead`: letters that were not replayed; `kept`: those that were not deleted either; `evicted`: those deleted because
    they were too many or too old. `imported`: changes of people whom Klaviyo imported and nobody looked for on the
    list. `taken`: changes ever taken;
    `upto`: the value of `taken` at which a flush that was asked for is complete. `left_out`: people delivered without
    some field, by the code of what was wrong with it.
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

    @property
    def missing(self) -> int:
        """Changes that the equation leaves out: 0, or a fault.

        accepted = pending + open + delivered + imported + dead + superseded.
        """
        ended = self.delivered + self.imported + self.dead + self.superseded
        return self.accepted - (self.waiting.pending + self.open + ended)

    @property
    def due(self) -> int | None:
        """The ms at which the queue is due; 0: at once; None: nothing waits."""
        return due_at(self.waiting, self.policy)

    @property
    def trigger(self) -> Reason | None:
        """What makes the queue due next; None: nothing waits."""
        if self.waiting.pending == 0:
            return None
        if self.waiting.asked > 0:
            return self.waiting.asked_by
        return "size" if self.waiting.pending >= self.policy.size else "age"


def called(count: QueueCount) -> str:
    """What people call a queue: its audience's name, else in parentheses what it holds: `(event)`."""
    return named(count.queue, count.name)


def named(queue: Queue, audience: str | None) -> str:
    """The same of a queue and the name of its audience, if it has one."""
    if audience:
        return visible(audience)
    if queue.kind != "audience":
        return f"({queue.kind})"
    return "(unreadable)" if queue.target == UNREADABLE else "(no name)"
