"""The result of a query: read to its end, compared with earlier runs, staged in Redis as a snapshot."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from redis import Redis

from configuration.queries import DataSource, Query, definition
from queues import pending
from queues.clock import now_ms
from queues.names import Queue
from queues.queries import records
from queues.queries.records import QueryRun, QueryState
from queues.snapshots import orders
from queues.snapshots.records import Record, SnapshotOrder
from snapshots.report import is_shown
from sources import reading, staging
from sources.reading import Reading
from sources.staging import StagedResult

#: Runs that the median is of, and the fewest: one run alone is not usual. Failed and skipped ones lie between them.
RUNS: Final = 10
FEWEST: Final = 3
_SEARCHED: Final = 30


def note_usual(redis: Redis, run: QueryRun) -> None:
    """Note in a run that begins to read what earlier ones were like. May be repeated. Raises redis.RedisError."""
    good = records.run(redis, records.states(redis, [run.query])[run.query].good)
    run.rows_before = good.rows if good else None
    run.usual_seconds = usual_seconds(records.runs(redis, run.query, _SEARCHED))


def usual_seconds(earlier: Iterable[QueryRun]) -> float | None:
    """Return the median of the seconds that reading took in the last runs, newest first; None if too few. Pure."""
    read = [run.seconds for run in earlier if run.state == "submitted" and run.seconds is not None][:RUNS]
    return median(read) if len(read) >= FEWEST else None


def staged(redis: Redis, run: QueryRun, query: Query, source: DataSource, stopped: Callable[[], bool]) -> Record:
    """Read the result, note in `run` what was found out, stage it; return the snapshot to submit.

    Raises SourceError unless the last row was read, redis.RedisError.
    """
    known = records.states(redis, [query.name])[query.name]
    deadline = time.monotonic() + query.timeout_minutes * 60
    # Before the transaction begins: a single change that arrives during a long read is newer than the result.
    at = now_ms()
    with reading.read(query, source, deadline, _time(run.slot), _time(known.good_at), stopped) as opened:
        _note_columns(run, known, opened)
        reading.check_sendable(query, opened.columns)
        with closing(staging.stage(opened, Path(tempfile.gettempdir()))) as found:
            run.rows, run.seconds = found.rows, round(found.seconds, 3)
            run.left_out = {column: dict(reasons) for column, reasons in found.left_out.items()}
            return _in_redis(redis, order_of(query, at, found, run), query, found.pieces())


def _note_columns(run: QueryRun, known: QueryState, opened: Reading) -> None:
    """Note what is known before the first row is read."""
    run.sql, before = opened.sha256_of_sql, known.definition.get("SQL")
    run.sql_changed = before not in (None, run.sql)
    run.columns = {each.name: each.type for each in opened.columns if is_shown(each.name)}
    run.new_columns, run.gone_columns = drift(run.columns, known.columns)


def _in_redis(redis: Redis, order: SnapshotOrder, query: Query, pieces: Iterable[bytes]) -> Record:
    size = 0
    for number, piece in enumerate(pieces):
        orders.stage(redis, order.snapshot, number, orders.compress(piece))
        size += len(piece)
    return Record(str(orders.queue_of(query.connection, query.name)), order, now_ms(), size)


def order_of(query: Query, at: int, found: StagedResult, run: QueryRun | None = None) -> SnapshotOrder:
    """Return the order of the snapshot of a result. `at`: when it was read, in ms. `run`: none for a preview."""
    return SnapshotOrder(
        orders.new_id(orders.queue_of(query.connection, query.name)),
        at,
        "ndjson",
        rows=found.rows,
        attributes=query.attributes,
        confirmed=run is not None and run.confirmed,
        reconcile=run is not None and run.reconcile,
        name=query.list_name or "",
        max_shrink_percent=query.max_shrink_percent,
        run=run.id if run else "",
        definition=definition(query, found.sha256_of_sql),
    )


def facts_of(redis: Redis, query: Query) -> dict[str, Any]:
    """Return what to remember of the query's audience: what is known of it, and the name of the query's list."""
    known: dict[str, Any] = {"settings": {}, **pending.audience(redis, Queue(query.connection, "audience", query.name))}
    return known | ({"name": query.list_name} if query.list_name else {})


class ColumnDrift(NamedTuple):
    """How the columns differ from those of the last good run."""

    new: list[str]
    gone: list[str]


def drift(columns: Mapping[str, str], before: Mapping[str, str]) -> ColumnDrift:
    """Compare columns by name and type; one with another type is both new and gone. Pure.

    `before`: empty if there is no good run yet; then nothing differs.
    """
    if not before:
        return ColumnDrift([], [])
    return ColumnDrift(
        [_named(name, kind) for name, kind in columns.items() if before.get(name) != kind],
        [_named(name, kind) for name, kind in before.items() if columns.get(name) != kind],
    )


def _named(name: str, kind: str) -> str:
    return f"{name} ({kind})" if kind else name


def _time(at: int | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC)
