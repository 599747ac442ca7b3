"""The census for programs: one struct encodes it, decodes it for a Ferry elsewhere, and describes it. Pure.

Stable names; times in ISO 8601 and UTC.
"""

from __future__ import annotations

from typing import Annotated, cast

from msgspec import Meta, Struct

from ops.documents.fields import Count, MaybeTime, QueueName, Time
from queues.census import Census
from queues.counts import OpenBatch, QueueCount
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy, Reason, Waiting
from text.wording import moment, ms_of


class HoldDocument(Struct, frozen=True):
    """Why nothing is sent."""

    reason: Annotated[str, Meta(description="A code, or what a person wrote, without addresses and phone numbers.")]
    since: Time
    resolve: Annotated[str, Meta(description="What to do about it.")]
    error_id: Annotated[str, Meta(description="Klaviyo's, for its support; empty for none.")]
    probed: Annotated[bool, Meta(description="Ferry looks by itself whether the cause is gone.")]

    @classmethod
    def of(cls, hold: Hold) -> HoldDocument:
        """Of a hold."""
        return cls(hold.reason, moment(hold.since), hold.resolve, hold.error_id, hold.probed)

    def read(self) -> Hold:
        """The hold."""
        return Hold(self.reason, ms_of(self.since), self.resolve, self.error_id, self.probed)


class BatchDocument(Struct, frozen=True):
    """A batch under way."""

    batch: str
    changes: Count
    stage: Annotated[str, Meta(description="What comes next: upload, confirm, prove, clear, remove or check.")]
    taken_by: Reason
    taken_at: Time
    attempts: Count
    trouble: Annotated[
        str, Meta(description="Why it is tried again, such as http_503; empty where the last step worked.")
    ]
    with_a_worker: bool
    next_ring_at: Annotated[Time, Meta(description="When a worker is rung for it, or its lease ends.")]

    @classmethod
    def of(cls, batch: OpenBatch) -> BatchDocument:
        """Of a batch."""
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
        """The batch."""
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
    """One queue; all figures belong to one moment."""

    queue: QueueName
    kind: str
    audience: Annotated[str | None, Meta(description="Its name.")]
    list_id: Annotated[str | None, Meta(description="Klaviyo's.")]
    pending: Count
    asked: Annotated[Count, Meta(description="Of those that wait, how many must go whatever the size and age.")]
    flush_size: Count
    flush_minutes: float
    oldest_at: MaybeTime
    due_by: Annotated[Reason | None, Meta(description="null: nothing waits.")]
    due_at: Annotated[MaybeTime, Meta(description="The year 1970: at once.")]
    last_upload_at: MaybeTime
    accepted: Annotated[Count, Meta(description="= pending + open + delivered + imported + dead + superseded.")]
    taken: Annotated[Count, Meta(description="Into batches, ever.")]
    open: Count
    delivered: Count
    imported: Annotated[
        Count, Meta(description="By Klaviyo; nobody looked whether the person is on the list (`prove`).")
    ] = 0
    superseded: Count
    dead: Count
    dead_kept: Count
    evicted: Count
    fields_left_out: Annotated[
        dict[str, Count], Meta(description="People delivered without some field, by what was wrong with it.")
    ]
    missing: Annotated[int, Meta(description="What the equation leaves out: 0, or a fault of Ferry.")]
    hold: HoldDocument | None
    batches: list[BatchDocument]

    @classmethod
    def of(cls, count: QueueCount) -> QueueDocument:
        """Of a queue."""
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
            last_upload_at=moment(waiting.uploaded),
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
        """The queue. Raises ValueError for a name or a time that is none."""
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
        )

    def _waiting(self) -> Waiting:
        by = self.due_by if self.asked and self.due_by else "operator"
        return Waiting(self.pending, _time(self.oldest_at), _time(self.last_upload_at), self.asked, by)


class SchedulerDocument(Struct, frozen=True):
    """Whether a scheduler runs."""

    alive: bool
    last_tick_at: MaybeTime


class WorkerDocument(Struct, frozen=True):
    """A worker, and what it does."""

    name: str
    state: str


class CensusDocument(Struct, frozen=True, kw_only=True):
    """Every queue, and what runs."""

    at: Time
    balanced: Annotated[bool, Meta(description="Every change ever accepted is accounted for.")]
    scheduler: SchedulerDocument
    workers: list[WorkerDocument]
    held_connections: dict[str, HoldDocument]
    shared_identifiers: Annotated[
        dict[str, dict[str, Time]],
        Meta(description="By connection, hashes of identifiers that too many people share, and since when."),
    ] = {}
    queues: list[QueueDocument]

    @classmethod
    def of(cls, census: Census) -> CensusDocument:
        """Everything `ferry status` knows."""
        return cls(
            at=moment(census.at),
            balanced=all(count.missing == 0 for count in census.queues),
            scheduler=SchedulerDocument(census.heartbeat is not None, moment(census.heartbeat)),
            workers=[WorkerDocument(name, state) for name, state in census.workers.items()],
            held_connections={name: HoldDocument.of(hold) for name, hold in census.holds.items()},
            shared_identifiers={
                connection: {value: moment(since) for value, since in values.items()}
                for connection, values in census.shared.items()
            },
            queues=[QueueDocument.of(count) for count in census.queues],
        )

    def read(self) -> Census:
        """What the document was made of. Raises ValueError for a name or a time that is none."""
        return Census(
            at=ms_of(self.at),
            queues=tuple(each.read() for each in self.queues),
            holds={name: hold.read() for name, hold in self.held_connections.items()},
            heartbeat=_time(self.scheduler.last_tick_at),
            workers={each.name: each.state for each in self.workers},
            shared={
                connection: {value: ms_of(since) for value, since in values.items()}
                for connection, values in self.shared_identifiers.items()
            },
        )


def _time(text: str | None) -> int | None:
    return None if text is None else ms_of(text)
