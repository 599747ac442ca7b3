"""The result of a query: read to its end, compared with the last submitted result, staged in Redis as a snapshot."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from redis import Redis

from configuration.queries import DataSource, Query
from queues import pending
from queues.clock import now_ms
from queues.names import Queue
from queues.queries import records
from queues.queries.records import QueryRun
from queues.snapshots import orders
from queues.snapshots.records import Record, SnapshotOrder
from snapshots.report import is_shown
from sources import reading, staging


def staged(redis: Redis, run: QueryRun, query: Query, source: DataSource, stopped: Callable[[], bool]) -> Record:
    """Read the result, note in `run` what was found out, stage it; return the snapshot to submit.

    Raises SourceError unless the last row was read, redis.RedisError.
    """
    known = records.states(redis, [query.name])[query.name]
    deadline = time.monotonic() + query.timeout_minutes * 60
    # Before the transaction begins: a single change that arrives during a long read is newer than the result.
    at = now_ms()
    opened = reading.read(query, source, deadline, _time(run.slot), _time(known.good_at), stopped)
    with closing(staging.stage(opened, Path(tempfile.gettempdir()))) as found:
        run.rows, run.seconds, run.sql = found.rows, round(found.seconds, 3), found.sha256_of_sql
        run.columns = {each.name: each.type for each in found.columns if is_shown(each.name)}
        run.left_out = {column: dict(reasons) for column, reasons in found.left_out.items()}
        run.sql_changed = known.sql not in ("", run.sql)
        run.new_columns, run.gone_columns = drift(run.columns, known.columns)
        reading.check_sendable(query, found.columns)
        return _in_redis(redis, run, query, at, found.pieces())


def _in_redis(redis: Redis, run: QueryRun, query: Query, at: int, pieces: Iterable[bytes]) -> Record:
    order = order_of(query, at, run.rows, confirmed=run.confirmed, reconcile=run.reconcile)
    size = 0
    for number, piece in enumerate(pieces):
        orders.stage(redis, order.snapshot, number, orders.compress(piece))
        size += len(piece)
    return Record(str(orders.queue_of(query.connection, query.name)), order, now_ms(), size)


def order_of(
    query: Query, at: int, rows: int | None, *, confirmed: bool = False, reconcile: bool = False
) -> SnapshotOrder:
    """Return the order of the snapshot of a result. `at`: when it was read, in ms. `rows`: how many it has."""
    return SnapshotOrder(
        orders.new_id(orders.queue_of(query.connection, query.name)),
        at,
        "ndjson",
        rows=rows,
        attributes=query.attributes,
        confirmed=confirmed,
        reconcile=reconcile,
        name=query.list_name or "",
        max_shrink_percent=query.max_shrink_percent,
    )


def facts_of(redis: Redis, query: Query) -> dict[str, Any]:
    """Return what to remember of the query's audience: what is known of it, and the name of the query's list."""
    known: dict[str, Any] = {"settings": {}, **pending.audience(redis, Queue(query.connection, "audience", query.name))}
    return known | ({"name": query.list_name} if query.list_name else {})


class ColumnDrift(NamedTuple):
    """How the columns differ from those of the last submitted result."""

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
