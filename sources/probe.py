"""Try a source without a query, and ask its catalog whether the user may do more than read. It tries no right out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from configuration.checks import is_loopback
from configuration.queries import DataSource, Query
from sources import dialects, mysql, servers
from sources.reading import read_statement
from sources.statement import Statement
from sources.watch import Watch

#: Seconds for the whole attempt.
_LIMIT_S: Final = 30.0
_SUPERUSER: Final = "is a superuser, and so may read the server's files and write everything"
#: A warning, and the condition under which it holds for the user (PostgreSQL, "System Information Functions").
_RIGHTS: Final = {
    _SUPERUSER: "SELECT rolsuper FROM pg_roles WHERE rolname = current_user",
    "may read or write files of the server, or run programs there": """
        SELECT bool_or(pg_has_role(current_user, oid, 'MEMBER')) FROM pg_roles
        WHERE rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')""",
    "owns tables, and so may change and drop them": """
        SELECT EXISTS (SELECT FROM pg_class WHERE relowner = current_user::regrole AND relkind IN ('r', 'p'))""",
    "may write to tables or views": """
        SELECT EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
        AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))""",
}
#: Of MySQL and MariaDB: who may read all tables sees everybody's rights, so those of the user are looked for.
#: GRANTEE is CURRENT_USER() with apostrophes around name and host. With ANSI_QUOTES no text may be in double quotes.
_MYSQL_RIGHTS: Final = {
    "may do more than read": " UNION ALL ".join(
        f"""SELECT 1 FROM information_schema.{kind}_PRIVILEGES
        WHERE REPLACE(GRANTEE, '''', '') = REPLACE(CURRENT_USER(), '''', '')
        AND PRIVILEGE_TYPE NOT IN ('USAGE', 'SELECT', 'SHOW DATABASES', 'SHOW VIEW')"""  # noqa: S608  # of these four names
        for kind in ("USER", "SCHEMA", "TABLE", "COLUMN")
    ),
}
_REMEDY: Final = "give Ferry a user with SELECT on the tables or views of its queries, and nothing else"


def probe(source: DataSource) -> list[str]:
    """Return warnings about rights that are too wide, each with its remedy. Raises SourceError if it cannot be read."""
    if source.kind == "server":
        with (
            Watch(_deadline(), lambda: False) as watch,
            servers.connected(source, "probe", watch) as connection,
            watch.stopping(servers.stop(connection)),
        ):
            return [*_warnings(connection, watch)]
    with read_statement(Query("probe", source.name), source, Statement("SELECT 1 AS one", ""), _deadline()) as reading:
        for _ in reading:
            pass
    return []


def _deadline() -> float:
    return time.monotonic() + _LIMIT_S


def _warnings(connection: Any, watch: Watch) -> Iterator[str]:
    is_postgresql = connection.dialect.name == dialects.POSTGRESQL
    for rights, asks in (_RIGHTS if is_postgresql else _mysql_rights(connection)).items():
        if servers.value(connection, asks, watch):
            yield f"the user {rights}: {_REMEDY}"
            if rights == _SUPERUSER:  # who has every other right, too
                break
    url = connection.engine.url
    if is_postgresql and url.host and not is_loopback(url.host) and url.query.get("sslmode") != "verify-full":
        yield "anybody on the way could pose as the server: add ?sslmode=verify-full to the URL"


def _mysql_rights(connection: Any) -> dict[str, str]:
    return _MYSQL_RIGHTS if connection.dialect.name in mysql.NAMES else {}
