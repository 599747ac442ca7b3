"""What the API answers operators: one struct encodes each answer, decodes it for `ferry --url`, and describes it. Pure.

Beside these there are the census (ledger.py) and a dead letter (ops/dead_letters/view.py).
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final, cast

from msgspec import Meta, Struct

from ops.audit_format import EntryDocument
from ops.connections.found import (
    AccountDocument,
    AudienceDocument,
    ConnectionDocument,
    LearntDocument,
    PolicyDocument,
)
from ops.dead_letters.view import ErasureLook, LetterDocument, ProfileFound
from ops.documents.fields import Count, Next, QueueName, Time
from ops.documents.ledger import (
    BatchDocument,
    CensusDocument,
    HoldDocument,
    QueueDocument,
    SchedulerDocument,
    WorkerDocument,
)
from ops.holds import HeldDocument
from queues.history.settled import Settled
from queues.policy import Reason
from queues.snapshots.records import Counts, Record, SnapshotOrder
from text.wording import moment


class JobDocument(Struct, frozen=True):
    """One of Klaviyo's import jobs."""

    id: str
    people: Count
    failed: Count


class UploadDocument(Struct, frozen=True):
    """A settled batch, in numbers; changes = delivered + imported + superseded + those in `dead`."""

    batch: str
    taken_by: Reason
    taken_at: Time
    settled_at: Time
    attempts: Count
    changes: Count
    delivered: Count
    imported: Count
    superseded: Count
    dead: Annotated[dict[str, Count], Meta(description="By reason.")]
    warnings: Annotated[dict[str, Count], Meta(description="People by what was left out, or not found.")]
    jobs: list[JobDocument]

    @classmethod
    def of(cls, settled: Settled) -> UploadDocument:
        """What became of a batch."""
        ends = settled.ends
        return cls(
            settled.id,
            cast("Reason", settled.reason),
            moment(settled.taken),
            moment(settled.settled),
            settled.attempts,
            settled.count,
            settled.delivered,
            len(ends.imported),
            len(ends.superseded),
            dict(Counter(ends.dead.values())),
            dict(Counter(code for codes in ends.warned.values() for code in codes)),
            [JobDocument(job.id, len(job.rows), job.failed) for job in ends.jobs],
        )


class QueueAnswer(Struct, frozen=True):
    """One queue, and its settled batches, newest first."""

    at: Time
    queue: QueueDocument
    connection_hold: HoldDocument | None
    uploads: list[UploadDocument]
    next: Next


class FlushedQueue(Struct, frozen=True):
    """What a flush asked for in a queue."""

    queue: QueueName
    asked: Annotated[Count, Meta(description="Changes that waited.")]
    upto: Annotated[Count, Meta(description="All of them are in batches when the queue's taken has come so far.")]


class FlushAnswer(Struct, frozen=True):
    """What a flush asked for."""

    at: Time
    queues: list[FlushedQueue]


class HoldAnswer(Struct, frozen=True):
    """What is held now."""

    on: str
    placed: Annotated[bool, Meta(description="false: it was held already, and that hold stays.")]


class ReleaseAnswer(Struct, frozen=True):
    """How a release ended."""

    on: str
    released: Annotated[bool, Meta(description="false: it was not held.")]
    still: Annotated[str | None, Meta(description="The cause that is still there, where it was forced.")]
    snapshot: Annotated[Record | None, Meta(description="What the guard held and is carried out now.")]


class HoldsAnswer(Struct, frozen=True):
    """Everything that is held: connections, then queues."""

    at: Time
    holds: list[HeldDocument]


class ConnectionsAnswer(Struct, frozen=True):
    """The connections."""

    connections: list[ConnectionDocument]


class LettersAnswer(Struct, frozen=True):
    """Dead letters, in the order of their queues, oldest first in each."""

    letters: list[LetterDocument]
    next: Next


class ReplayAnswer(Struct, frozen=True):
    """How many dead letters were put back."""

    replayed: Count
    stayed: Annotated[Count, Meta(description="Of persons in an open batch; try again when it is settled.")]


class AuditAnswer(Struct, frozen=True):
    """Who did what, newest first."""

    entries: list[EntryDocument]
    next: Next


#: Every struct of an answer, by its name in the OpenAPI document.
ANSWERS: Final[dict[str, type[Struct]]] = {
    "Hold": HoldDocument,
    "OpenBatch": BatchDocument,
    "Queue": QueueDocument,
    "SchedulerState": SchedulerDocument,
    "WorkerState": WorkerDocument,
    "Census": CensusDocument,
    "ImportJob": JobDocument,
    "Upload": UploadDocument,
    "QueueAnswer": QueueAnswer,
    "FlushedQueue": FlushedQueue,
    "Flushed": FlushAnswer,
    "Placed": HoldAnswer,
    "Released": ReleaseAnswer,
    "Held": HeldDocument,
    "Holds": HoldsAnswer,
    "KlaviyoAccount": AccountDocument,
    "LearntKey": LearntDocument,
    "FlushPolicy": PolicyDocument,
    "ConnectionAudience": AudienceDocument,
    "Connection": ConnectionDocument,
    "Connections": ConnectionsAnswer,
    "Letter": LetterDocument,
    "ErasureLook": ErasureLook,
    "ProfileFound": ProfileFound,
    "Letters": LettersAnswer,
    "Replayed": ReplayAnswer,
    "AuditEntry": EntryDocument,
    "Audit": AuditAnswer,
    "Snapshot": Record,
    "SnapshotOrder": SnapshotOrder,
    "SnapshotCounts": Counts,
}
