"""Read from a database server by SQLAlchemy; PostgreSQL by psycopg's server-side cursors, MySQL by PyMySQL (mysql.py).

Their transactions are read-only, and no transaction is committed. That is a seat belt: the boundary is a user who may
only SELECT (docs/warehouse.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import count
from typing import Any, Final

from configuration.queries import DataSource
from sources import dialects, mysql
from sources.errors import SourceError
from sources.results import ROWS, OpenResult, ResultColumn
from sources.statement import Binds, Statement, begins_to_read
from sources.watch import Watch
from text.wording import missing_package

#: Module of a driver -> what needs it, its package, and the requirements file.
_PACKAGES: Final = {"psycopg": ("PostgreSQL", "psycopg", "sql"), mysql.DRIVER: ("MySQL", "PyMySQL", "mysql")}
_NO_SELECT: Final = "the SQL is not one SELECT: write one"
#: Times that the server is asked to end a statement before its connection is ended.
_ASKS: Final = 2
#: Class of SQLSTATE -> what to do (PostgreSQL, appendix A).
_REMEDIES: Final = {
    "0A": "the SQL does more than read, or asks for what the server does not have: write one SELECT",
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
def connected(source: DataSource, name: str, watch: Watch) -> Iterator[Any]:
    """Yield a connection of SQLAlchemy. `name`: shown by the server as `ferry:NAME`. Raises SourceError."""
    try:
        import sqlalchemy
        from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError
    except ImportError as fault:
        raise SourceError("driver_missing", missing_package("A database server", "SQLAlchemy", "sql")) from fault
    try:
        url = dialects.with_driver(sqlalchemy.make_url(source.location))
        engine = sqlalchemy.create_engine(
            url, poolclass=sqlalchemy.NullPool, connect_args=dialects.arguments(url, name, watch.left())
        )
    except (ImportError, NoSuchModuleError) as fault:
        module = (getattr(fault, "name", None) or "").partition(".")[0]
        if module in _PACKAGES:
            raise SourceError("driver_missing", missing_package(*_PACKAGES[module])) from fault
        remedy = "install SQLAlchemy's dialect and the driver for this URL into Ferry's environment"
        raise SourceError("driver_missing", remedy, type(fault).__name__) from fault
    except (SQLAlchemyError, ValueError) as fault:
        # Without the driver's text, which may repeat the URL with its password.
        remedy = "the variable that url_env names is not a URL that SQLAlchemy understands: correct it"
        raise SourceError("unreachable", remedy, type(fault).__name__) from None
    dialects.prepare(engine, source.time_zone)
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


def value(connection: Any, sql: str, watch: Watch) -> object:
    """Return the single value of a SELECT without values of its own. Raises SourceError."""
    with _translated(watch):
        return connection.exec_driver_sql(sql).scalar()


@contextmanager
def opened(source: DataSource, statement: Statement, binds: Binds, watch: Watch, name: str) -> Iterator[OpenResult]:
    """Run the query in one transaction, which sees the database as it was at its start. Raises SourceError."""
    with connected(source, name, watch) as connection, watch.stopping(stop(connection)):
        from sqlalchemy import text

        leave = dialects.leaving(connection)
        if connection.dialect.name != dialects.POSTGRESQL and not begins_to_read(statement.sql):
            raise SourceError("query_failed", _NO_SELECT)
        # text() takes every colon for a value that is not escaped.
        sql, used = statement.written(":{}".format, r"\:")
        options: dict[str, object] = {"stream_results": True, "max_row_buffer": ROWS}
        if connection.dialect.name == dialects.POSTGRESQL:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with _translated(watch):
            found = connection.execution_options(**options).execute(
                text(sql), {each: getattr(binds, each) for each in used}
            )
            if not found.returns_rows:
                raise SourceError("query_failed", _NO_SELECT)
            cursor = found.cursor
            columns = tuple(_column(each) for each in cursor.description)
        with closing(found):
            try:
                yield OpenResult(columns, _batches(found, watch))
            finally:
                leave(cursor)


def _column(described: Any) -> ResultColumn:
    return ResultColumn(described[0], getattr(described, "type_display", ""))


def stop(connection: Any) -> Callable[[], None]:
    """Return a function that ends the running statement from another thread; it does nothing for other drivers.

    At first it asks the server. When that did not help, it ends the connection: a server that no longer answers would
    otherwise keep the worker for ever.
    """
    ask, cut = dialects.ways_to_end(connection)
    asked = count(1)

    def ended() -> None:
        with suppress(Exception):  # the connection ended meanwhile; the reader notices that itself
            (ask if next(asked) <= _ASKS else cut)()

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
    return SourceError("query_failed", remedy, detail, _text(cause) if state.startswith("42") else "")


def _unreachable(fault: Exception) -> SourceError:
    state, cause, detail = _described(fault)
    remedy = "check host, port, user, password and database in the variable that url_env names"
    # The text has host and user, and no data: nothing was read yet.
    return SourceError("unreachable", _REMEDIES.get(state[:2], remedy), detail, _text(cause))


def _described(fault: Exception) -> tuple[str, object, str]:
    """Return SQLSTATE as PostgreSQL has it, the driver's error, and both in words."""
    cause: Any = getattr(fault, "orig", None) or fault
    state: str = getattr(cause, "sqlstate", None) or ""
    words = " ".join(filter(None, (f"SQLSTATE {state}" if state else "", type(cause).__name__)))
    number = cause.args[0] if state and cause.args else 0
    return mysql.STATES.get(number, state), cause, words


def _text(cause: object) -> str:
    """Return what the driver says, in one line: psycopg's diagnosis, PyMySQL's second argument, or the error itself."""
    args: tuple[object, ...] = getattr(cause, "args", ())
    text = args[1] if len(args) == 2 else cause
    return str(getattr(getattr(cause, "diag", None), "message_primary", None) or text).partition("\n")[0]
