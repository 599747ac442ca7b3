"""Read from a database server by SQLAlchemy; PostgreSQL by psycopg's server-side cursors, read-only.

A cursor takes one SELECT and nothing else, and the transaction is read-only and never committed. That is a seat belt:
the boundary is a user who may only SELECT (docs/warehouse.md).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import count
from typing import Any, Final

from configuration.queries import DataSource
from sources.errors import SourceError
from sources.results import ROWS, OpenResult, ResultColumn
from sources.statement import Binds, Statement
from sources.watch import Watch
from text.wording import missing_package

_POSTGRESQL: Final = "postgresql"
#: Seconds for a connection to come about.
_CONNECT_S: Final = 15
#: Times that the server is asked to end a statement, and seconds for its answer.
_CANCELS: Final = 2
_CANCEL_S: Final = 2
#: Outside of the transaction, so that a statement that could end it would begin a read-only one.
_SESSION: Final = "SET default_transaction_read_only = on; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'"
#: Class of SQLSTATE -> what to do (PostgreSQL, appendix A).
_REMEDIES: Final = {
    "08": "check that the server runs and can be reached",
    "25": "the SQL does more than read: write one SELECT",
    "28": "correct user and password in the variable that url_env names",
    "3D": "correct the name of the database in the variable that url_env names",
    "42": "correct the SQL: it must be one SELECT that the server understands",
    "53": "the server has no room left: try again later",
    "57": "the server ended the query, by its own time limit or a shutdown: run it again",
}
#: Those that need another remedy than their class.
_OWN: Final = {"42501": "grant the user SELECT on the tables or views of the query, or leave them out"}


@contextmanager
def connected(source: DataSource, name: str) -> Iterator[Any]:
    """Yield a connection of SQLAlchemy. `name`: shown by the server as `ferry:NAME`. Raises SourceError."""
    try:
        import sqlalchemy
        from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError
    except ImportError as fault:
        raise SourceError("driver_missing", missing_package("A database server", "SQLAlchemy", "sql")) from fault
    try:
        url = _with_driver(sqlalchemy.make_url(source.location))
        is_postgresql = url.get_backend_name() == _POSTGRESQL
        engine = sqlalchemy.create_engine(
            url, poolclass=sqlalchemy.NullPool, connect_args=_arguments(url, name) if is_postgresql else {}
        )
    except (ImportError, NoSuchModuleError) as fault:
        if isinstance(fault, ImportError) and (fault.name or "").startswith("psycopg"):
            raise SourceError("driver_missing", missing_package("PostgreSQL", "psycopg", "sql")) from fault
        remedy = "install SQLAlchemy's dialect and the driver for this URL into Ferry's environment"
        raise SourceError("driver_missing", remedy, type(fault).__name__) from fault
    except (SQLAlchemyError, ValueError) as fault:
        # Without the driver's text, which may repeat the URL with its password.
        remedy = "the variable that url_env names is not a URL that SQLAlchemy understands: correct it"
        raise SourceError("unreachable", remedy, type(fault).__name__) from None
    if is_postgresql:
        sqlalchemy.event.listen(engine, "connect", _prepare)
        sqlalchemy.event.listen(engine, "handle_error", _close_cursor)
    try:
        connection = engine.connect()
    except SQLAlchemyError as fault:
        raise _unreachable(fault) from None
    try:
        yield connection
    finally:
        with suppress(SQLAlchemyError):  # of a connection that is broken already
            connection.close()
        engine.dispose()


def _close_cursor(context: Any) -> None:
    """Close the cursor of an error: SQLAlchemy leaves that of a broken connection open, and psycopg warns about it."""
    cursor = getattr(context.execution_context, "cursor", None)
    if cursor is not None:
        with suppress(Exception):
            cursor.close()


def value(connection: Any, sql: str, watch: Watch) -> object:
    """Return the single value of a SELECT without values of its own. Raises SourceError."""
    with _translated(watch):
        return connection.exec_driver_sql(sql).scalar()


def _with_driver(url: Any) -> Any:
    """Return the URL with psycopg for PostgreSQL: of psycopg2 the read-only transaction can be escaped."""
    backend = url.get_backend_name()
    return url.set(drivername="postgresql+psycopg") if backend in (_POSTGRESQL, "postgres") else url


def _arguments(url: Any, name: str) -> dict[str, object]:
    arguments: dict[str, object] = {"application_name": f"ferry:{name}"}
    return arguments if "connect_timeout" in url.query else {**arguments, "connect_timeout": _CONNECT_S}


def _prepare(connection: Any, _record: object) -> None:
    from sources.postgresql import adapt

    connection.autocommit = True
    connection.execute(_SESSION)
    connection.autocommit = False
    adapt(connection)


@contextmanager
def opened(source: DataSource, statement: Statement, binds: Binds, watch: Watch, name: str) -> Iterator[OpenResult]:
    """Run the query in one transaction, which sees the database as it was at its start. Raises SourceError."""
    with connected(source, name) as connection, watch.stopping(stop(connection)):
        from sqlalchemy import text

        # text() takes every colon for a value that is not escaped.
        sql, used = statement.written(":{}".format, r"\:")
        options: dict[str, object] = {"stream_results": True, "max_row_buffer": ROWS}
        if connection.dialect.name == _POSTGRESQL:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with _translated(watch):
            found = connection.execution_options(**options).execute(
                text(sql), {each: getattr(binds, each) for each in used}
            )
            if not found.returns_rows:
                raise SourceError("query_failed", "the SQL is not one SELECT: write one")
            columns = tuple(_column(each) for each in found.cursor.description)
        with closing(found):
            yield OpenResult(columns, _batches(found, watch))


def _column(described: Any) -> ResultColumn:
    return ResultColumn(described[0], getattr(described, "type_display", ""))


def stop(connection: Any) -> Callable[[], None]:
    """Return a function that ends the running statement from another thread; it does nothing for other drivers.

    At first it asks the server. When that did not help, it ends the connection: a server that no longer answers would
    otherwise keep the worker for ever.
    """
    driver = connection.connection.dbapi_connection
    is_postgresql = connection.dialect.name == _POSTGRESQL
    asked = count(1)

    def ended() -> None:
        with suppress(Exception):  # the connection ended meanwhile; the reader notices that itself
            if is_postgresql and next(asked) <= _CANCELS:
                driver.cancel_safe(timeout=_CANCEL_S)
            elif is_postgresql:
                with socket.socket(fileno=os.dup(driver.fileno())) as same:
                    same.shutdown(socket.SHUT_RDWR)

    return ended


def _batches(found: Any, watch: Watch) -> Iterator[Sequence[Sequence[Any]]]:
    with _translated(watch):
        yield from found.partitions(ROWS)


@contextmanager
def _translated(watch: Watch) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, UnicodeError, OSError) as fault:
        # Without the cause, whose text quotes values and would stand in a traceback.
        raise watch.why or _error(fault) from None


def _error(fault: Exception) -> SourceError:
    """Return the error without the driver's text, which quotes values, but for faults of the SQL itself."""
    state, cause, detail = _described(fault)
    remedy = _OWN.get(state) or _REMEDIES.get(state[:2])
    # So SQLAlchemy calls a connection that is gone; some drivers raise OSError.
    if isinstance(fault, OSError) or getattr(fault, "connection_invalidated", False):
        return SourceError("connection_lost", remedy or "it broke before the last row: run the query again", detail)
    remedy = remedy or "run the SQL in your database's own client, which shows the whole message"
    said = getattr(getattr(cause, "diag", None), "message_primary", None) if state.startswith("42") else None
    return SourceError("query_failed", remedy, detail, said or "")


def _unreachable(fault: Exception) -> SourceError:
    state, cause, detail = _described(fault)
    remedy = "check host, port, user, password and database in the variable that url_env names"
    # The text has host and user, and no data: nothing was read yet.
    return SourceError("unreachable", _REMEDIES.get(state[:2], remedy), detail, str(cause).partition("\n")[0])


def _described(fault: Exception) -> tuple[str, object, str]:
    """Return SQLSTATE, the driver's error, and both in words."""
    cause = getattr(fault, "orig", None) or fault
    state = getattr(cause, "sqlstate", None) or ""
    return state, cause, " ".join(filter(None, (f"SQLSTATE {state}" if state else "", type(cause).__name__)))
