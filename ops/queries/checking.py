"""`ferry queries check` and `preview`: read a query as its run would, and submit nothing."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from redis import Redis

from configuration.queries import DataSource, Query, source_of
from configuration.settings import Settings
from mappings.columns import ColumnError, layout
from ops.errors import Failed
from ops.queries.actions import chosen
from ops.sync.dry_run import DryRun, rehearse
from ops.sync.source import Source
from queues.clock import now_ms
from queues.names import Queue
from queues.snapshots.records import ColumnUse
from snapshots.report import ReadReport
from snapshots.rows import Selection
from sources.errors import SourceError
from sources.probe import probe
from sources.reading import check_sendable, read
from sources.results import ResultColumn
from sources.staging import stage
from worker.queries.result import facts_of, order_of

#: The first rows that are shown.
ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found out about a query. `uses`: what each column becomes. `left_out`: cells of the rows that were
    read, at least of these."""

    warnings: list[str]
    columns: tuple[ResultColumn, ...]
    uses: Mapping[str, ColumnUse]
    rows: list[dict[str, Any]]
    left_out: Mapping[str, Mapping[str, int]]


def wanted(known: Settings, name: str) -> tuple[Query, DataSource]:
    """Return a query and its source. Raises Failed if there is no such query."""
    query = chosen(known.queries, name)
    return query, source_of(query, known.sources)


def examine(known: Settings, query: Query, source: DataSource) -> Examined:
    """Connect, ask for rights that are too wide, read the columns and the first rows. Raises Failed."""
    with _explained(query):
        warnings = probe(source)
        with read(query, source, _deadline(query)) as reading:
            check_sendable(query, reading.columns)
            rows = list(islice(reading, ROWS))
            left_out = {column: dict(reasons) for column, reasons in reading.left_out.items()}
        return Examined(warnings, reading.columns, _uses(known, query, reading.columns), rows, left_out)


def forecast(redis: Redis, known: Settings, query: Query, source: DataSource) -> DryRun:
    """Read the whole result and compare it with the list, as `ferry sync --dry-run` does. Raises Failed."""
    queue = Queue(query.connection, "audience", query.name)
    at = now_ms()
    with _explained(query), read(query, source, _deadline(query)) as reading:
        check_sendable(query, reading.columns)
        with closing(stage(reading, Path(tempfile.gettempdir()))) as found:
            order, body = order_of(query, at, found), Source("ndjson", False, found.pieces())
            done = rehearse(redis, known, queue, body, order, facts_of(redis, query))
    for column, reasons in found.left_out.items():
        for reason, cells in reasons.items():
            done.report.leave_out(column, reason, cells)
    return done


def _uses(known: Settings, query: Query, columns: tuple[ResultColumn, ...]) -> Mapping[str, ColumnUse]:
    connection = known.connections.named(query.connection)
    selection = Selection.chosen(connection.full_profile, connection.default_attributes, query.attributes)
    names = [each.name for each in columns]
    report = ReadReport()
    try:
        selection.note(report, names, layout(names, connection.columns_of(query.name)))
    except ColumnError as fault:
        raise SourceError("columns", str(fault)) from fault
    return report.columns


def _deadline(query: Query) -> float:
    return time.monotonic() + query.timeout_minutes * 60


@contextmanager
def _explained(query: Query) -> Iterator[None]:
    """Turn a SourceError into the message of a command, with the driver's own text if that has no data."""
    try:
        yield
    except SourceError as fault:
        said = f"\nThe database says: {fault.said}" if fault.said else ""
        raise Failed(f"the query {query.name} cannot be read: {fault}{said}") from fault
