"""MySQL and MariaDB by PyMySQL: a session that can only read, values as they are meant, and how a statement is ended.

Read-only transactions refuse INSERT, DDL and locks also in tables without transactions, but not SET GLOBAL or FLUSH, so
`servers.py` refuses what does not begin as a SELECT. As with PostgreSQL the rights of the user are the boundary.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date, datetime
from typing import Any, Final

from sources.errors import SourceError
from sources.values import INFINITE

NAMES: Final = frozenset({"mysql", "mariadb"})
DRIVER: Final = "pymysql"
#: Number of an error -> the SQLSTATE that PostgreSQL has for it, where that of MySQL says less.
STATES: Final = {
    1044: "42501",
    1049: "3D000",
    1142: "42501",
    1143: "42501",
    1317: "57014",
    1969: "57014",
    3024: "57014",
}
#: "Unknown or incorrect time zone".
_NO_ZONE: Final = 1298
#: Seconds in which a second connection must end the statement of the first one.
_KILL_S: Final = 2


def arguments(name: str, connect_s: int, left_s: float) -> dict[str, object]:
    """Return the arguments of PyMySQL. `left_s`: seconds after which a silent server is given up."""
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions

    own = {
        FIELD_TYPE.DATE: _or_infinite(date.fromisoformat),
        FIELD_TYPE.DATETIME: _or_infinite(datetime.fromisoformat),
        FIELD_TYPE.TIMESTAMP: _or_infinite(datetime.fromisoformat),
        FIELD_TYPE.TIME: str,
    }
    wait = max(1, round(left_s))
    return {
        "program_name": f"ferry:{name}",
        "connect_timeout": connect_s,
        "read_timeout": wait,
        "write_timeout": wait,
        "conv": {**conversions, **own},
    }


def _or_infinite(read: Callable[[str], object]) -> Callable[[str], object]:
    """Return what reads a time; one that Python does not have, such as 0000-00-00, is left out later."""

    def load(text: str) -> object:
        try:
            return read(text)
        except ValueError:
            return INFINITE

    return load


def prepare(driver: Any, time_zone: str) -> None:
    """Let a new connection only read. `time_zone`: of the session, in which TIMESTAMP comes. Raises SourceError."""
    with closing(driver.cursor()) as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        try:
            cursor.execute("SET SESSION time_zone = %s", ["+00:00" if time_zone == "UTC" else time_zone])
        except Exception as fault:
            if fault.args[:1] != (_NO_ZONE,):
                raise
            remedy = (
                f"the server does not know the time zone {time_zone}: load its time zone tables "
                "(mysql_tzinfo_to_sql), or leave time_zone of the source out, for UTC"
            )
            raise SourceError("unreachable", remedy, type(fault).__name__) from None


def ways_to_end(connection: Any) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return what asks the server to end the running statement, and what ends the connection; for another thread."""
    import sqlalchemy

    driver, url = connection.connection.dbapi_connection, connection.engine.url
    number = driver.thread_id()
    quick = {"connect_timeout": _KILL_S, "read_timeout": _KILL_S}

    def ask() -> None:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, connect_args=quick)
        with engine.connect() as other:
            other.exec_driver_sql(f"KILL QUERY {number}")

    return ask, lambda: _shut(driver)


def _shut(driver: Any) -> None:
    """End the connection: its reader gets an error. PyMySQL has no public way, and its close() lets the reader wait."""
    driver._sock.shutdown(socket.SHUT_RDWR)


def forget_rows(context: Any) -> None:
    """Let PyMySQL close the cursor of an error: it would read the rest of the rows, also where the connection is gone.

    `context`: of SQLAlchemy's event `handle_error`.
    """
    _forget(getattr(context.execution_context, "cursor", None))


def leave(connection: Any, cursor: Any, ask: Callable[[], None]) -> None:
    """End a result that was not read to its end: closing its cursor would read all of it. `ask`: ends the statement."""
    if _forget(cursor):
        with suppress(Exception):  # the server notices later that nobody reads
            ask()
        connection.invalidate()


def _forget(cursor: Any) -> bool:
    """Take the rows of a cursor for read; return whether there were more. PyMySQL has no public way."""
    result: Any = getattr(cursor, "_result", None)
    # Other drivers have no such mark, also those whose cursors have a result of this name.
    if not getattr(result, "unbuffered_active", False):
        return False
    result.unbuffered_active = False
    return True
