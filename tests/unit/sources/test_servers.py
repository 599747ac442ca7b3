"""Reading from servers by SQLAlchemy, but for PostgreSQL: SQLite stands for a dialect of which Ferry knows nothing."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from configuration.queries import DataSource
from sources.probe import probe
from tests.support.sources import refused, result


@pytest.fixture
def server(tmp_path: Path) -> DataSource:
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as file, file:
        file.execute("CREATE TABLE people (email TEXT, n)")
        file.executemany("INSERT INTO people VALUES (?, ?)", ((f"p{n}@example.com", n) for n in range(5_000)))
    return DataSource("warehouse", "server", f"sqlite:///{tmp_path}/shop.sqlite")


def test_any_dialect_of_sqlalchemy_is_read(server: DataSource) -> None:
    found = result(server, "SELECT email, n, ':slot' AS t, 7 % 4 AS m FROM people WHERE :last_run IS NULL ORDER BY n;")
    assert len(found.rows) == 5_000
    assert found.rows[-1] == {"email": "p4999@example.com", "n": 4_999, "t": ":slot", "m": 3}
    assert (found.types, probe(server)) == (dict.fromkeys(("email", "n", "t", "m"), ""), [])


def test_what_is_no_select_is_refused_and_never_committed(server: DataSource) -> None:
    for sql in ("DELETE FROM people", "/* SELECT */ DROP TABLE people", "PRAGMA user_version = 7"):
        assert refused(server, sql).code == "query_failed"
    assert len(result(server, "SELECT email FROM people").rows) == 5_000


def test_the_deadline_is_checked_when_rows_arrive(server: DataSource) -> None:
    endless = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r"
    assert refused(server, endless, seconds=0.3, max_rows=100_000_000).code == "timed_out"


def test_the_text_of_a_driver_is_not_kept(server: DataSource) -> None:
    error = refused(server, "SELECT emial FROM people")
    assert (error.code, error.detail, error.said) == ("query_failed", "OperationalError", "")


@pytest.mark.parametrize(
    ("source", "module", "says"),
    [
        (DataSource("exports", "folder", "."), "duckdb", "A folder of files needs DuckDB. "),
        (DataSource("wh", "server", "postgresql://h/d"), "sqlalchemy", "A database server needs SQLAlchemy. "),
        (DataSource("wh", "server", "postgresql://h/d"), "psycopg", "PostgreSQL needs psycopg. "),
        (DataSource("wh", "server", "mysql://h/d"), "pymysql", "MySQL needs PyMySQL. "),
        (DataSource("wh", "server", "mariadb+pymysql://h/d"), "pymysql", "MySQL needs PyMySQL. "),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    source: DataSource, module: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    error = refused(source, "SELECT 1 AS one")
    assert error.code == "driver_missing"
    assert error.remedy.startswith(f"{says}Install it in Ferry's folder with: {sys.executable} -m pip install ")


@pytest.mark.parametrize(
    ("url", "code"),
    [("nosuch://h/d", "driver_missing"), ("postgresql://h:port/d", "unreachable"), ("://secret@h", "unreachable")],
)
def test_a_url_that_leads_nowhere_is_refused_without_repeating_it(url: str, code: str) -> None:
    error = refused(DataSource("wh", "server", url), "SELECT 1 AS one")
    assert error.code == code
    assert "secret" not in str(error) + error.said
