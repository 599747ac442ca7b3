"""Read the result of a query: rows with values as JSON has them, or an error, never a part."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from typing import Any, Final, Protocol

from configuration.queries import DataSource, Kind, Query
from mappings.columns import PROPERTIES, ColumnError, ColumnSettings, known, layout, squashed
from sources import folder, servers, sqlite
from sources.errors import SourceError
from sources.results import OpenResult, ResultColumn
from sources.statement import Binds, Statement, statement_of
from sources.values import BinaryValue, RowReader
from sources.watch import Watch


class _Open(Protocol):
    def __call__(
        self, source: DataSource, statement: Statement, binds: Binds, watch: Watch, name: str
    ) -> AbstractContextManager[OpenResult]: ...


_OPEN: Final[dict[Kind, _Open]] = {"server": servers.opened, "sqlite": sqlite.opened, "folder": folder.opened}
#: Types of columns whose values are bytes, as PostgreSQL and DuckDB name them; others show it with the first value.
_BINARY: Final = frozenset({"bytea", "BLOB"})


class Reading:
    """A result that is being read. Close it, also after an error.

    `batches`: the rows, some at a time, each by the names of its columns; they raise SourceError unless the last row
    was read. `left_out`: column -> reason -> cells left out so far. `started`: by time.monotonic().
    """

    def __init__(
        self,
        columns: tuple[ResultColumn, ...],
        batches: Iterator[list[dict[str, Any]]],
        left_out: dict[str, Counter[str]],
        sha256_of_sql: str,
        started: float,
        held: ExitStack,
    ) -> None:
        self.columns = columns
        self.batches = batches
        self.left_out = left_out
        self.sha256_of_sql = sha256_of_sql
        self.started = started
        self._held = held

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches:
            yield from batch

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the query and the connection."""
        self._held.close()


def _never() -> bool:
    return False


def read(
    query: Query,
    source: DataSource,
    deadline: float,
    slot: datetime | None = None,
    last_run: datetime | None = None,
    cancelled: Callable[[], bool] = _never,
) -> Reading:
    """Start a query and return its result while it is read. Raises SourceError.

    `deadline`: by time.monotonic(). `slot`: when the run was due, for `:slot`; None: now. `last_run`: start of the last
    run that ended well, for `:last_run`; None: SQL's NULL. `cancelled`: called twice a second from another thread.
    """
    return read_statement(query, source, statement_of(query, source), deadline, Binds.of(slot, last_run), cancelled)


def read_statement(
    query: Query,
    source: DataSource,
    statement: Statement,
    deadline: float,
    binds: Binds | None = None,
    cancelled: Callable[[], bool] = _never,
) -> Reading:
    """Start another statement than the query's own, and otherwise do as `read`. Raises SourceError."""
    started = time.monotonic()
    left_out: dict[str, Counter[str]] = {}
    with ExitStack() as stack:
        watch = stack.enter_context(Watch(deadline, cancelled))
        opened = _OPEN[source.kind](source, statement, binds or Binds.of(None, None), watch, query.name)
        try:
            result = stack.enter_context(opened)
        except SourceError as fault:
            raise _with_values(fault, statement) from None
        check_columns(query, result.columns)
        rows = RowReader(query, source.time_zone, [each.name for each in result.columns], left_out)
        batches = _batches(query, result, rows, watch)
        return Reading(result.columns, batches, left_out, statement.sha256, started, stack.pop_all())


def _with_values(fault: SourceError, statement: Statement) -> SourceError:
    """Return the error; if the SQL has a value that Ferry does not have, the remedy says so."""
    others = statement.other_values() if fault.code == "query_failed" else []
    if not others:
        return fault
    remedy = f"{fault.remedy}; the only values of Ferry are :slot and :last_run, and the SQL has {', '.join(others)}"
    return SourceError(fault.code, remedy, fault.detail, fault.said)


def check_columns(query: Query, columns: Sequence[ResultColumn]) -> None:
    """Raise SourceError unless every column has one meaning and no bytes, and each that the settings name is there."""
    folded = Counter(each.name.casefold() for each in columns)
    twice = sorted({each.name for each in columns if folded[each.name.casefold()] > 1})
    if twice:
        raise SourceError("columns", f"the result has several columns named {', '.join(twice)}: give each one name")
    if binary := next((each.name for each in columns if each.type.partition("[")[0] in _BINARY), None):
        raise _has_bytes(binary)
    try:
        layout([each.name for each in columns], ColumnSettings(query.columns))
    except ColumnError as fault:
        raise SourceError("columns", str(fault)) from fault


def _has_bytes(column: str) -> SourceError:
    return SourceError(
        "binary_column", f"the column {column!r} has bytes, not text: select it as text, or leave it out"
    )


def check_sendable(query: Query, columns: Sequence[ResultColumn]) -> None:
    """Raise SourceError unless a column identifies people, and each attribute to send is one, in any spelling. Pure.

    A renamed e-mail column would otherwise look like a result with people who all cannot be sent.
    """
    names = [each.name for each in columns]
    if not any(each.kind == "identifier" for each in layout(names, ColumnSettings(query.columns))):
        remedy = "name the column with the addresses in the setting columns, or rename it in the SQL"
        shown = ", ".join(map(repr, names))
        raise SourceError("columns", f"no column is email, phone_number or external_id; there are {shown}: {remedy}")
    there = {squashed(known(name)) for name in (*names, *query.columns)}
    missing = [name for name in query.attributes or () if squashed(known(name)) not in there]
    if missing and PROPERTIES not in there:
        shown = ", ".join(map(repr, missing))
        raise SourceError("columns", f"no column is the attribute {shown}: correct the SQL or attributes")


def _batches(query: Query, result: OpenResult, reader: RowReader, watch: Watch) -> Iterator[list[dict[str, Any]]]:
    number = 0
    for batch in result.batches:
        watch.check()
        number += len(batch)
        if number > query.max_rows:
            raise SourceError("too_many_rows", f"over {query.max_rows:,}: check the query, or raise max_rows")
        try:
            yield reader.rows(batch)
        except BinaryValue as fault:
            raise _has_bytes(fault.column) from fault
    watch.check()
    if query.min_rows is not None and number < query.min_rows:
        raise SourceError("too_few_rows", f"{number:,}, and min_rows is {query.min_rows:,}: check the query")
