"""What is special about a kind of server: its driver, how its session is made read-only, how a statement is ended.

Of other dialects of SQLAlchemy Ferry knows nothing: their rows are read, and nothing is committed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from sources import mysql

POSTGRESQL: Final = "postgresql"
#: Seconds for a connection to come about, and for PostgreSQL to end a statement.
_CONNECT_S: Final = 15
_CANCEL_S: Final = 2
#: Outside of the transaction, so that a statement that could end it would begin a read-only one.
_SESSION: Final = "SET default_transaction_read_only = on; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'"


def with_driver(url: Any) -> Any:
    """Return the URL with psycopg for PostgreSQL: of psycopg2 the read-only transaction can be escaped.

    MySQL without a driver gets PyMySQL, the one that is tested.
    """
    backend = url.get_backend_name()
    if backend in (POSTGRESQL, "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url.set(drivername=f"{backend}+{mysql.DRIVER}") if url.drivername in mysql.NAMES else url


def arguments(url: Any, name: str, left_s: float) -> dict[str, object]:
    """Return the arguments of the driver, without those of the URL. `left_s`: seconds left for the query."""
    if url.drivername == "postgresql+psycopg":
        own: dict[str, object] = {"application_name": f"ferry:{name}", "connect_timeout": _CONNECT_S}
    elif url.get_backend_name() in mysql.NAMES and url.get_driver_name() == mysql.DRIVER:
        own = mysql.arguments(name, _CONNECT_S, left_s)
    else:
        own = {}
    return {option: value for option, value in own.items() if option not in url.query}


def prepare(engine: Any, time_zone: str) -> None:
    """Let each connection of an engine of SQLAlchemy only read, where that is known. `time_zone`: of the source."""
    from sqlalchemy import event

    if engine.dialect.name == POSTGRESQL:
        event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "handle_error", _close_cursor)
    elif engine.dialect.name in mysql.NAMES:
        event.listen(engine, "connect", lambda driver, _: mysql.prepare(driver, time_zone))
        event.listen(engine, "handle_error", mysql.forget_rows)


def _prepare_postgresql(connection: Any, _record: object) -> None:
    from sources.postgresql import adapt

    connection.autocommit = True
    connection.execute(_SESSION)
    connection.autocommit = False
    adapt(connection)


def _close_cursor(context: Any) -> None:
    """Close the cursor of an error: SQLAlchemy leaves that of a broken connection open, and psycopg warns about it."""
    cursor = getattr(context.execution_context, "cursor", None)
    if cursor is not None:
        with suppress(Exception):
            cursor.close()


def ways_to_end(connection: Any) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return what asks the server to end the running statement, and what ends the connection; for another thread."""
    if _is_pymysql(connection):
        return mysql.ways_to_end(connection)
    if connection.dialect.name != POSTGRESQL:
        return _nothing, _nothing
    driver = connection.connection.dbapi_connection

    def cut() -> None:
        with socket.socket(fileno=os.dup(driver.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)

    return partial(driver.cancel_safe, timeout=_CANCEL_S), cut


def _nothing() -> None:
    pass


def _is_pymysql(connection: Any) -> bool:
    return connection.dialect.name in mysql.NAMES and connection.dialect.driver == mysql.DRIVER


def leaving(connection: Any) -> Callable[[Any], None]:
    """Return what ends a cursor that may have more rows, before it is closed."""
    if not _is_pymysql(connection):
        return lambda cursor: None
    ask, _ = mysql.ways_to_end(connection)
    return lambda cursor: mysql.leave(connection, cursor, ask)
