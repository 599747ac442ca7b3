"""The census for programs. Pure.

One struct encodes it, decodes it for `ferry --url`, and describes it. Names are stable; times are ISO 8601 in UTC.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from ops.documents import totals
from ops.documents.fields import MaybeTime, Next, Time, ms_or_none
from ops.documents.queue import HoldDocument, QueueDocument
from ops.documents.totals import TotalsDocument
from queues.census import Census
from text.wording import moment, ms_of


class SchedulerDocument(Struct, frozen=True):
    """Whether a scheduler runs."""

    alive: bool
    last_tick_at: MaybeTime


class WorkerDocument(Struct, frozen=True):
    """A worker and its state."""

    name: str
    state: str


class CensusDocument(Struct, frozen=True, kw_only=True):
    """All queues, the scheduler and the workers."""

    at: Time
    balanced: Annotated[bool, Meta(description="Every change ever accepted is accounted for.")]
    scheduler: SchedulerDocument
    workers: list[WorkerDocument]
    held_connections: dict[str, HoldDocument]
    shared_identifiers: Annotated[
        dict[str, dict[str, Time]],
        Meta(description="By connection, hashes of identifiers shared by too many people, and since when."),
    ] = {}
    clocks: Annotated[
        dict[str, int], Meta(description="Machines whose clock is off, and the ms by which it is ahead.")
    ] = {}
    next_check_at: Annotated[
        str | None, Meta(description="When Ferry checks next whether the causes of connections' holds are gone.")
    ] = None
    totals: Annotated[list[TotalsDocument], Meta(description="Of all queues, also if only some are listed.")] = []
    queues: list[QueueDocument]
    next: Next = None

    @classmethod
    def of(cls, census: Census) -> CensusDocument:
        """Return the document of a census."""
        return cls(
            at=moment(census.at),
            balanced=census.totals.all.missing == 0,
            scheduler=SchedulerDocument(census.heartbeat is not None, moment(census.heartbeat)),
            workers=[WorkerDocument(name, state) for name, state in census.workers.items()],
            held_connections={name: HoldDocument.of(hold) for name, hold in census.holds.items()},
            shared_identifiers={
                connection: {value: moment(since) for value, since in values.items()}
                for connection, values in census.shared.items()
            },
            clocks=dict(census.clocks),
            next_check_at=moment(census.next_check),
            totals=totals.documents(census.totals),
            queues=[QueueDocument.of(count) for count in census.queues],
        )

    def read(self) -> Census:
        """Return the census. Raises ValueError for an invalid name or time."""
        queues = tuple(each.read() for each in self.queues)
        has_all = sum(each.queues for each in self.totals) <= len(queues)
        return Census(
            at=ms_of(self.at),
            queues=queues,
            kept=None if has_all else totals.read(self.totals, queues),
            holds={name: hold.read() for name, hold in self.held_connections.items()},
            heartbeat=ms_or_none(self.scheduler.last_tick_at),
            workers={each.name: each.state for each in self.workers},
            shared={
                connection: {value: ms_of(since) for value, since in values.items()}
                for connection, values in self.shared_identifiers.items()
            },
            clocks=self.clocks,
            next_check=ms_or_none(self.next_check_at),
        )
