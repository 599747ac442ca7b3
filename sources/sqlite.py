"""Read from a SQLite file, without any way to write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from configuration.queries import DataSource
from sources.errors import SourceError
from sources.results import ROWS, OpenResult, ResultColumn
from sources.statement import Binds, Statement
from sources.watch import Watch

#: What a query may do. mode=ro alone still lets ATTACH create a file.
_ALLOWED: Final = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
#: Seconds to wait for a program that writes.
_BUSY_S: Final = 30


@contextmanager
def opened(source: DataSource, statement: Statement, binds: Binds, watch: Watch, name: str) -> Iterator[OpenResult]:
    """Run the query. One SELECT sees the file as it was at its start. Raises SourceError."""
    path = Path(source.location)
    if not path.is_file():
        raise SourceError("source_missing", f"there is no file {path}: correct sqlite of [sources.{source.name}]")
    sql, used = statement.written(":{}".format)
    with (
        _translated(watch),
        closing(_connected(path)) as connection,
        watch.stopping(connection.interrupt),
    ):
        connection.set_authorizer(_authorized)
        cursor = connection.execute(sql, {each: getattr(binds, each) for each in used})
        if cursor.description is None:
            raise SourceError("query_failed", "the SQL is not one SELECT: write one")
        yield OpenResult(tuple(ResultColumn(each[0]) for each in cursor.description), _batches(cursor, watch))


def _connected(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _authorized(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _batches(cursor: sqlite3.Cursor, watch: Watch) -> Iterator[Sequence[Sequence[Any]]]:
    with _translated(watch):
        while rows := cursor.fetchmany(ROWS):
            yield rows


@contextmanager
def _translated(watch: Watch) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as fault:
        # Without the cause, whose text quotes values and would stand in a traceback.
        raise watch.why or _error(fault) from None


def _error(fault: Exception) -> SourceError:
    # Of the text only what SQLite says of the SQL itself: other texts quote values.
    code = getattr(fault, "sqlite_errorname", "")
    detail = " ".join(filter(None, (code, type(fault).__name__)))
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return SourceError("busy", "another program writes to the file: Ferry tries again with the next run", detail)
    if code == "SQLITE_AUTH":
        return SourceError("query_failed", "the SQL does more than read: write one SELECT", detail)
    said = str(fault) if code == "SQLITE_ERROR" else ""
    return SourceError("query_failed", "correct the SQL: it must be one SELECT that SQLite understands", detail, said)
