"""Queries and their runs, for programs and for views.

A run that was submitted goes on as a snapshot, so its state, counts and outcomes are those of the snapshot's record.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace
from redis import Redis

from configuration import due
from configuration.queries import Query, source_of
from configuration.settings import Settings
from ops.documents.fields import Count, MaybeTime, QueueName, Time
from ops.sync.follow import waits_behind
from ops.sync.view import is_planned, would
from queues.census import take_census
from queues.names import Queue
from queues.queries import records
from queues.queries.records import QueryRun, QueryState
from queues.snapshots import orders, outcomes
from queues.snapshots.records import Counts, Outcomes, Record
from sources.errors import SourceError
from sources.statement import statement_of
from text.wording import duration, moment, without_people

#: Slots that are shown ahead.
AHEAD: Final = 5
#: Of a run: those of a snapshot, and before it those of reading. submitted: the snapshot's record has expired.
ShownState = Literal[
    "queued",
    "reading",
    "comparing",
    "held",
    "delivering",
    "delivered",
    "imported",
    "failed",
    "superseded",
    "cancelled",
    "skipped",
    "missed",
    "submitted",
]
_DESCRIPTION: Final = (
    "queued: for a worker, or its turn at the source. reading: the result. comparing: with the list. held: the guard "
    "asks a person. delivering: its changes are queued. delivered: Klaviyo has carried all of them out, and the list "
    "was checked. imported: carried out, but the list was not checked for all. failed: `error` says why. superseded: "
    "by a newer one. cancelled: by a person. skipped: the run before had not ended. missed: no scheduler was "
    "running. submitted: the record of its snapshot has expired."
)
_LAST_GOOD: Final = (
    "As of when the last result was read whose changes were queued; one that the guard holds is none. `last.state` "
    "says what became of the newest run."
)


class RunDocument(Struct, frozen=True):
    """A run of a query. Nothing is submitted unless the last row was read."""

    run: Annotated[str, Meta(examples=["vips-20261201T063000Z"])]
    query: str
    state: Annotated[ShownState, Meta(description=_DESCRIPTION)]
    by: Annotated[str, Meta(description="schedule, or the user who asked for it.", examples=["schedule", "cli:ann"])]
    asked: Time
    slot: Annotated[MaybeTime, Meta(description="The time that the schedule meant; null for a run by hand.")]
    started: MaybeTime
    ended: Annotated[MaybeTime, Meta(description="When its result was submitted, or it ended otherwise.")]
    confirmed: Annotated[bool, Meta(description="The guard did not check its removals.")]
    rows: Annotated[Count | None, Meta(description="Rows of the result.")]
    seconds: Annotated[float | None, Meta(description="Seconds that reading took.")]
    rows_before: Annotated[Count | None, Meta(description="Rows of the last good run, when this one began to read.")]
    usual_seconds: Annotated[float | None, Meta(description="Median of the last runs; null with fewer than three.")]
    sql: Annotated[str, Meta(description="SHA-256 of the SQL.")]
    sql_changed: Annotated[bool, Meta(description="The SQL is another than that of the last good run.")]
    columns: Annotated[dict[str, str], Meta(description="Name -> type in the database.")]
    new_columns: list[str]
    gone_columns: list[str]
    left_out: Annotated[dict[str, dict[str, Count]], Meta(description="By column and reason, cells left out.")]
    snapshot: Annotated[str, Meta(description="The snapshot that it was submitted as; empty if it was not.")]
    counts: Annotated[
        Counts | None,
        Meta(description="Of a run without a change queued: what it would change."),
    ]
    outcomes: Outcomes | None
    error: Annotated[str, Meta(description="Code of what went wrong; empty if nothing did.")]
    remedy: Annotated[str, Meta(description="What happened and what to do.")]

    @property
    def would(self) -> str:
        """Return what the run would change, if nothing of it was carried out; else an empty text."""
        planned = self.counts is not None and is_planned(self.state, self.outcomes)
        return would(self.counts, self.state) if planned and self.counts else ""

    @classmethod
    def of(cls, run: QueryRun, record: Record | None) -> RunDocument:
        """Return the document of a run. `record`: of its snapshot."""
        return cls(
            run=run.id,
            query=run.query,
            state=shown(run, record),
            by=run.by,
            asked=moment(run.since),
            slot=moment(run.slot),
            started=moment(run.started),
            ended=moment(run.ended),
            confirmed=run.confirmed,
            rows=run.rows,
            seconds=run.seconds,
            rows_before=run.rows_before,
            usual_seconds=run.usual_seconds,
            sql=run.sql,
            sql_changed=run.sql_changed,
            columns=run.columns,
            new_columns=run.new_columns,
            gone_columns=run.gone_columns,
            left_out=run.left_out,
            snapshot=run.snapshot,
            counts=record.counts if record else None,
            outcomes=record.outcomes if record else None,
            error=run.error or ("snapshot_failed" if record and record.error else ""),
            remedy=run.remedy or (record.error if record else ""),
        )


class QueryDocument(Struct, frozen=True):
    """A query of connections.toml."""

    query: str
    audience: QueueName
    source: str
    reads: Annotated[str, Meta(description="The SQL file, the table or the dbt model.")]
    schedule: Annotated[str, Meta(description="Empty: it runs only when somebody asks.")]
    time_zone: str
    next: Annotated[list[Time], Meta(description="The next slots; none while it is paused.")]
    paused: Annotated[str, Meta(description="Why it is paused; empty if it is not.")]
    paused_by: str
    running: Annotated[str, Meta(description="The run that has not ended; empty for none.")]
    skips: Annotated[Count, Meta(description="Slots in a row that came while a run had not ended.")]
    last_good: Annotated[MaybeTime, Meta(description=_LAST_GOOD)]
    last: RunDocument | None


def shown(run: QueryRun, record: Record | None) -> ShownState:
    """Return the state of a run for people. `record`: of its snapshot. Pure."""
    if run.state != "submitted":
        return run.state
    if record is None:
        return "submitted"
    return "comparing" if record.state in ("queued", "reading") else record.state


def run_documents(redis: Redis, runs: Sequence[QueryRun]) -> list[RunDocument]:
    """Return the documents of runs. The remedy of one that waits behind a hold names the hold."""
    found = outcomes.by_id(redis, [run.snapshot for run in runs if run.snapshot])
    behind = _holds(redis, [record for record in found.values() if record.is_unsettled])
    made = [RunDocument.of(run, found.get(run.snapshot)) for run in runs]
    return [replace(each, remedy=each.remedy or behind.get(each.snapshot, "")) for each in made]


def _holds(redis: Redis, records_of_runs: Sequence[Record]) -> dict[str, str]:
    """Return by snapshot the hold that it or its changes wait behind, with the remedy, on one line."""
    if not records_of_runs:
        return {}
    audiences = {each.order.snapshot: orders.audience_of(Queue.parse(each.queue)) for each in records_of_runs}
    own = {Queue.parse(each.queue) for each in records_of_runs}
    census = take_census(redis, [*{*audiences.values(), *own}])
    found = {
        each.order.snapshot: waits_behind(each, audiences[each.order.snapshot], census) for each in records_of_runs
    }
    return {snapshot: why.replace("\n", " ") for snapshot, why in found.items() if why}


def query_documents(redis: Redis, queries: Sequence[Query], now: int) -> list[QueryDocument]:
    """Return the documents of queries. `now`: ms."""
    names = [query.name for query in queries]
    states, newest = records.states(redis, names), records.newest(redis, names, 1)
    lasts = run_documents(redis, [run for runs in newest.values() for run in runs])
    by_query = {last.query: last for last in lasts}
    return [_document(query, states[query.name], by_query.get(query.name), now) for query in queries]


def _document(query: Query, state: QueryState, last: RunDocument | None, now: int) -> QueryDocument:
    pause = state.pause
    paused = without_people(pause.reason) if pause else "paused = true in connections.toml" if query.paused else ""
    ahead = () if paused else islice(due.slots(query.when, now), AHEAD)
    return QueryDocument(
        query=query.name,
        audience=f"{query.connection}/audience/{query.name}",
        source=query.source,
        reads=reads(query),
        schedule=query.schedule or (f"every {duration(query.every_seconds * 1000)}" if query.every_seconds else ""),
        time_zone=query.time_zone,
        next=[moment(slot) for slot in ahead],
        paused=paused,
        paused_by=pause.by if pause else "",
        running=state.running,
        skips=state.skips,
        last_good=moment(state.good_at),
        last=last,
    )


def reads(query: Query) -> str:
    """Return what a query reads: the name of its file, its table or its dbt model. Pure."""
    if query.sql_file is not None:
        return query.sql_file.name
    return query.table or f"dbt model {query.dbt_model}"


def sql_of(settings: Settings, query: Query) -> str | None:
    """Return the SQL that the next run sends, None if it cannot be read here."""
    source = source_of(query, settings.sources)
    try:
        return statement_of(query, source).sql
    except SourceError:
        return None
