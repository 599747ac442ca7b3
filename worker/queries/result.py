"""The result of a query: read to its end, compared with the last good run, staged in Redis as a snapshot."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from redis import Redis

from configuration.queries import DataSource, Query
from queues.clock import now_ms
from queues.queries import records
from queues.queries.records import QueryRun
from queues.snapshots import orders
from queues.snapshots.records import Record, SnapshotOrder
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
        run.columns = {each.name: each.type for each in found.columns}
        run.left_out = {column: dict(reasons) for column, reasons in found.left_out.items()}
        run.sql_changed = known.sql not in ("", run.sql)
        run.new_columns, run.gone_columns = drift(run.columns, known.columns)
        reading.check_sendable(query, found.columns)
        return _in_redis(redis, run, query, at, found.pieces())


def _in_redis(redis: Redis, run: QueryRun, query: Query, at: int, pieces: Iterable[bytes]) -> Record:
    queue = orders.queue_of(query.connection, query.name)
    order = SnapshotOrder(
        orders.new_id(queue),
        at,
        "ndjson",
        rows=run.rows,
        attributes=query.attributes,
        confirmed=run.confirmed,
        reconcile=run.reconcile,
        name=query.list_name or "",
        max_shrink_percent=query.max_shrink_percent,
    )
    size = 0
    for number, piece in enumerate(pieces):
        orders.stage(redis, order.snapshot, number, orders.compress(piece))
        size += len(piece)
    return Record(str(queue), order, now_ms(), size)


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
