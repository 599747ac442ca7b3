"""The answers of the operator API. Pure.

One struct encodes each answer, decodes it for `ferry --url`, and describes it in the OpenAPI document. The census is in
ledger.py and queue.py, a dead letter in ops/dead_letters/view.py.
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
from ops.documents.fields import Count, MaybeTime, Next, QueueName, Time
from ops.documents.ledger import CensusDocument, SchedulerDocument, WorkerDocument
from ops.documents.queue import BatchDocument, HoldDocument, QueueDocument
from ops.holds import HeldDocument
from ops.queries.documents import QueryDocument, RunDocument
from queues.history.settled import Settled
from queues.policy import Reason
from queues.snapshots.records import ColumnUse, Counts, Outcomes, Record, SnapshotOrder
from text.wording import moment


class JobDocument(Struct, frozen=True):
    """An import job in Klaviyo."""

    id: str
    people: Count
    failed: Count


class UploadDocument(Struct, frozen=True):
    """A settled batch, in numbers; changes = delivered + imported + superseded + the sum of `dead`."""

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
    warnings: Annotated[dict[str, Count], Meta(description="Number of people by what was left out or not found.")]
    jobs: list[JobDocument]

    @classmethod
    def of(cls, settled: Settled) -> UploadDocument:
        """Return the document of a settled batch."""
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
    """A queue that is flushed."""

    queue: QueueName
    asked: Annotated[Count, Meta(description="Pending changes at the time of the flush.")]
    upto: Annotated[Count, Meta(description="All of them are in batches when the queue's `taken` reaches this number.")]
    launches_at: Annotated[MaybeTime, Meta(description="A snapshot's launch that is still to come.")] = None


class FlushAnswer(Struct, frozen=True):
    """The queues that are flushed."""

    at: Time
    queues: list[FlushedQueue]


class HoldAnswer(Struct, frozen=True):
    """A hold that was requested."""

    on: str
    placed: Annotated[bool, Meta(description="false: it was already held, and that hold stays.")]


class ReleaseAnswer(Struct, frozen=True):
    """The result of a release."""

    on: str
    released: Annotated[bool, Meta(description="false: it was not held.")]
    still: Annotated[str | None, Meta(description="The cause that remains, if the release was forced.")]
    snapshot: Annotated[
        Record | None, Meta(description="The snapshot that the guard held and that is carried out now.")
    ]


class HoldsAnswer(Struct, frozen=True):
    """All holds: those of connections, then those of queues."""

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
    """The number of dead letters that were put back."""

    replayed: Count
    stayed: Annotated[Count, Meta(description="Letters of people in an open batch; try again when it is settled.")]


class AuditAnswer(Struct, frozen=True):
    """The audit log, newest first."""

    entries: list[EntryDocument]
    next: Next


class QueriesAnswer(Struct, frozen=True):
    """All scheduled queries."""

    at: Time
    queries: list[QueryDocument]


class QueryAnswer(Struct, frozen=True):
    """One scheduled query."""

    at: Time
    query: QueryDocument
    sql: Annotated[str | None, Meta(description="For the role admin only, and null if it cannot be read.")]


class QueryRunsAnswer(Struct, frozen=True):
    """The last runs of a query, newest first."""

    runs: list[RunDocument]


class QueryRunAnswer(Struct, frozen=True):
    """A run that begins."""

    run: Annotated[str, Meta(examples=["vips-3f0c9a61d2b4"])]


class QueryPausedAnswer(Struct, frozen=True):
    """A pause that was requested."""

    query: str
    paused: Annotated[bool, Meta(description="false: it was paused already, and that reason stays.")]


class QueryResumedAnswer(Struct, frozen=True):
    """A resumption that was requested."""

    query: str
    resumed: Annotated[bool, Meta(description="false: it was not paused.")]


#: The structs of all answers, by their names in the OpenAPI document.
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
    "ScheduledQuery": QueryDocument,
    "QueryRun": RunDocument,
    "Queries": QueriesAnswer,
    "QueryAnswer": QueryAnswer,
    "QueryRuns": QueryRunsAnswer,
    "QueryRunBegun": QueryRunAnswer,
    "QueryPaused": QueryPausedAnswer,
    "QueryResumed": QueryResumedAnswer,
    "Snapshot": Record,
    "SnapshotOrder": SnapshotOrder,
    "SnapshotCounts": Counts,
    "SnapshotColumn": ColumnUse,
    "SnapshotOutcomes": Outcomes,
}
