"""A queue for programs, with its hold and its batches in progress. Pure.

One struct encodes each, decodes it for `ferry --url`, and describes it. Names are stable; times are ISO 8601 in UTC.
"""

from __future__ import annotations

from typing import Annotated, cast

from msgspec import Meta, Struct

from ops.documents.fields import Count, MaybeTime, QueueName, Time, ms_or_none
from queues.counts import OpenBatch, QueueCount
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy, Reason, Waiting
from text.wording import moment, ms_of, without_people


class HoldDocument(Struct, frozen=True):
    """A hold: why nothing is sent."""

    reason: Annotated[str, Meta(description="A code, or a person's text, without addresses and phone numbers.")]
    since: Time
    resolve: Annotated[str, Meta(description="What to do about it.")]
    error_id: Annotated[str, Meta(description="Klaviyo's error id, for its support; empty if there is none.")]
    probed: Annotated[bool, Meta(description="Ferry checks automatically whether the cause is gone.")]

    @classmethod
    def of(cls, hold: Hold) -> HoldDocument:
        """Return the document of a hold."""
        return cls(without_people(hold.reason), moment(hold.since), hold.resolve, hold.error_id, hold.probed)

    def read(self) -> Hold:
        """Return the hold."""
        return Hold(self.reason, ms_of(self.since), self.resolve, self.error_id, self.probed)


class BatchDocument(Struct, frozen=True):
    """A batch in progress."""

    batch: str
    changes: Count
    stage: Annotated[str, Meta(description="The next step: upload, confirm, prove, clear, remove or check.")]
    taken_by: Reason
    taken_at: Time
    attempts: Count
    trouble: Annotated[str, Meta(description="Why it is retried, such as http_503; empty if the last step succeeded.")]
    with_a_worker: bool
    next_ring_at: Annotated[Time, Meta(description="When a worker is rung for it, or its lease ends.")]

    @classmethod
    def of(cls, batch: OpenBatch) -> BatchDocument:
        """Return the document of a batch."""
        return cls(
            batch.id,
            batch.count,
            batch.stage,
            cast("Reason", batch.reason),
            moment(batch.taken),
            batch.attempts,
            batch.trouble,
            batch.held,
            moment(batch.ring),
        )

    def read(self) -> OpenBatch:
        """Return the batch."""
        return OpenBatch(
            self.batch,
            ms_of(self.taken_at),
            self.changes,
            self.taken_by,
            self.stage,
            self.attempts,
            self.with_a_worker,
            ms_of(self.next_ring_at),
            self.trouble,
        )


class QueueDocument(Struct, frozen=True, kw_only=True):
    """A queue; all figures are of the same moment."""

    queue: QueueName
    kind: str
    audience: Annotated[str | None, Meta(description="The name of the audience.")]
    list_id: Annotated[str | None, Meta(description="The id of the list in Klaviyo.")]
    pending: Count
    asked: Annotated[Count, Meta(description="Pending changes that must be sent regardless of size and age.")]
    flush_size: Count
    flush_minutes: float
    oldest_at: MaybeTime
    due_by: Annotated[Reason | None, Meta(description="null: no pending changes.")]
    due_at: Annotated[MaybeTime, Meta(description="A time in 1970: due now.")]
    last_upload_at: Annotated[
        MaybeTime, Meta(description="When the last batch ended that Klaviyo took, at least in part.")
    ]
    last_taken_at: Annotated[MaybeTime, Meta(description="When a batch was taken last; the age counts from then.")] = (
        None
    )
    accepted: Annotated[Count, Meta(description="= pending + open + delivered + imported + dead + superseded.")]
    taken: Annotated[
        Count, Meta(description="Changes ever taken into batches, except those from behind a requested flush.")
    ]
    open: Count
    delivered: Count
    imported: Annotated[
        Count, Meta(description="Imported by Klaviyo, without a check that the person is on the list (`prove`).")
    ] = 0
    superseded: Count
    dead: Count
    dead_kept: Count
    evicted: Count
    fields_left_out: Annotated[
        dict[str, Count], Meta(description="Number of people delivered without a field, by what was wrong with it.")
    ]
    missing: Annotated[
        int, Meta(description="Changes that the equation of `accepted` does not account for: 0, or a defect in Ferry.")
    ]
    hold: HoldDocument | None
    batches: list[BatchDocument]

    @classmethod
    def of(cls, count: QueueCount) -> QueueDocument:
        """Return the document of a queue."""
        waiting = count.waiting
        return cls(
            queue=str(count.queue),
            kind=count.queue.kind,
            audience=count.name or None,
            list_id=count.list_id,
            pending=waiting.pending,
            asked=waiting.asked,
            flush_size=count.policy.size,
            flush_minutes=count.policy.age_ms / 60_000,
            oldest_at=moment(waiting.oldest),
            due_by=count.trigger,
            due_at=moment(count.due),
            last_upload_at=moment(count.landed),
            last_taken_at=moment(waiting.uploaded),
            accepted=count.accepted,
            taken=count.taken,
            open=count.open,
            delivered=count.delivered,
            imported=count.imported,
            superseded=count.superseded,
            dead=count.dead,
            dead_kept=count.kept,
            evicted=count.evicted,
            fields_left_out=dict(count.left_out),
            missing=count.missing,
            hold=HoldDocument.of(count.hold) if count.hold else None,
            batches=[BatchDocument.of(batch) for batch in count.batches],
        )

    def read(self) -> QueueCount:
        """Return the queue. Raises ValueError for an invalid name or time."""
        return QueueCount(
            queue=Queue.parse(self.queue),
            name=self.audience or "",
            policy=FlushPolicy(self.flush_size, round(self.flush_minutes * 60_000)),
            waiting=self._waiting(),
            accepted=self.accepted,
            open=self.open,
            delivered=self.delivered,
            dead=self.dead,
            superseded=self.superseded,
            kept=self.dead_kept,
            taken=self.taken,
            upto=self.taken + self.asked,
            evicted=self.evicted,
            hold=self.hold.read() if self.hold else None,
            list_id=self.list_id,
            batches=tuple(each.read() for each in self.batches),
            left_out=self.fields_left_out,
            imported=self.imported,
            landed=ms_or_none(self.last_upload_at),
        )

    def _waiting(self) -> Waiting:
        by = self.due_by if self.asked and self.due_by else "operator"
        return Waiting(self.pending, ms_or_none(self.oldest_at), ms_or_none(self.last_taken_at), self.asked, by)
