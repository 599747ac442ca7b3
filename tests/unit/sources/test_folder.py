"""Reading from a folder by DuckDB: every type, nothing outside of the folder, and nothing but whole results."""

from __future__ import annotations

import subprocess
import sys
import traceback
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from configuration.queries import DataSource
from tests.support.sources import refused, result


@pytest.fixture
def exports(tmp_path: Path) -> DataSource:
    folder = tmp_path / "it's exports"
    (folder / "2026").mkdir(parents=True)
    (folder / "vips.csv").write_text("email,plan,n\nann@example.com,gold,1\n")
    (folder / "2026" / "more.ndjson").write_text('{"email":"bob@example.com","plan":"silver","n":2}\n')
    (tmp_path / "outside.csv").write_text("email\neve@example.com\n")
    with closing(duckdb.connect(str(folder / "shop.duckdb"))) as database:
        database.execute("CREATE TABLE customers AS SELECT 'cid@example.com' AS email")
        database.execute(f"COPY (SELECT 'dee@example.com' AS email) TO '{tmp_path}/dee.parquet'")
    (tmp_path / "dee.parquet").rename(folder / "dee.parquet")
    return DataSource("exports", "folder", str(folder), "Europe/Berlin")


@pytest.mark.parametrize(
    ("sql", "email"),
    [
        ("SELECT email FROM 'vips.csv'", "ann@example.com"),
        ("FROM '2026/*.ndjson'", "bob@example.com"),
        ("SELECT email FROM shop.customers;", "cid@example.com"),
        ("SELECT * FROM 'dee.parquet'", "dee@example.com"),
        (
            "SELECT email FROM 'vips.csv' WHERE :slot::TIMESTAMPTZ = TIMESTAMPTZ '2026-12-01 06:30:00Z'",
            "ann@example.com",
        ),
    ],
)
def test_files_are_named_from_the_folder(sql: str, email: str, exports: DataSource) -> None:
    slot = datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
    assert [row["email"] for row in result(exports, sql, slot=slot).rows] == [email]


def test_every_type_becomes_what_json_has(exports: DataSource) -> None:
    found = result(
        exports,
        """SELECT 'a@example.com' AS email, 17::BIGINT AS external_id, true AS b, 9007199254740993 AS big,
            170141183460469231731687303715884105727::HUGEINT AS huge, 1.50::DECIMAL(10, 2) AS d, 'nan'::DOUBLE AS nan,
            TIMESTAMP '2026-07-01 09:30:00' AS ts, TIMESTAMPTZ '2026-10-25 00:30:00+02' AS tz,
            TIMESTAMP_NS '2026-07-01 09:30:00.123456789' AS ns, 'infinity'::TIMESTAMP AS inf,
            '-infinity'::TIMESTAMPTZ AS ninf, TIMESTAMP '12026-01-01' AS far, DATE '0044-03-15 (BC)' AS bc,
            DATE '2026-12-01' AS day, TIME '10:30' AS t, INTERVAL '3 days' AS i,
            '0b5c4d3f-7a1e-4c66-9d2c-9a8b7e4f3051'::UUID AS u, [1, 2] AS l, {'a': 1} AS s, MAP {'k': 'v'} AS m,
            JSON '{"a": [1]}' AS j, JSON '{"a": 1e400}' AS jbig, 'x'::ENUM('x', 'y') AS e,
            '101'::BIT AS bits, NULL AS nothing""",
    )
    assert found.rows == [
        {
            "email": "a@example.com",
            "external_id": "17",
            "b": True,
            "big": "9007199254740993",
            "huge": "170141183460469231731687303715884105727",
            "d": 1.5,
            "ts": "2026-07-01T07:30:00Z",
            "tz": "2026-10-24T22:30:00Z",
            "ns": "2026-07-01T07:30:00.123456Z",
            "day": "2026-12-01",
            "t": "10:30:00",
            "i": "3 days, 0:00:00",
            "u": "0b5c4d3f-7a1e-4c66-9d2c-9a8b7e4f3051",
            "l": [1, 2],
            "s": {"a": 1},
            "m": {"k": "v"},
            "j": {"a": [1]},
            "e": "x",
            "bits": "101",
            "nothing": None,
        }
    ]
    assert found.left_out == {
        **{name: {"number_not_finite": 1} for name in ("nan", "jbig")},
        **{name: {"time_out_of_range": 1} for name in ("inf", "ninf", "far", "bc")},
    }
    assert (found.types["d"], found.types["l"], found.types["tz"]) == (
        "DECIMAL(10,2)",
        "INTEGER[]",
        "TIMESTAMP WITH TIME ZONE",
    )


def test_a_misspelt_file_is_not_in_the_folder(exports: DataSource) -> None:
    remedy = refused(exports, "SELECT email FROM 'vip.csv'").remedy
    assert remedy == f"the SQL reads a file that is not in {exports.location}: correct its name, or leave it out"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM 'OUTSIDE/outside.csv'",
        "SELECT * FROM '../outside.csv'",
        "SELECT * FROM read_csv('OUTSIDE/outside.csv')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('OUTSIDE/*')",
        "COPY (SELECT 1) TO 'FOLDER/new.csv'",
        "COPY (SELECT 1) TO 'OUTSIDE/new.csv'",
        "ATTACH 'FOLDER/new.duckdb'",
        "ATTACH 'OUTSIDE/new.duckdb'",
        "INSERT INTO shop.customers VALUES ('x')",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "SELECT 1 AS one; COPY (SELECT 1) TO 'FOLDER/new.csv'",
        "CREATE TABLE shop.more AS SELECT 1",
        "EXPORT DATABASE 'FOLDER/new'",
        "PRAGMA version",
    ],
)
def test_a_query_can_only_read_and_only_in_its_folder(sql: str, exports: DataSource, tmp_path: Path) -> None:
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    folder = exports.location.replace("'", "''")
    error = refused(exports, sql.replace("OUTSIDE", str(tmp_path)).replace("FOLDER", folder))
    assert error.code == "query_failed"
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_a_database_that_another_process_has_open_is_named_as_busy(exports: DataSource) -> None:
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    file = str(Path(exports.location) / "shop.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", program, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        error = refused(exports, "SELECT email FROM shop.customers")
        assert len(result(exports, "SELECT email FROM 'vips.csv'").rows) == 1, "other files are not locked"
        assert writer.stdin is not None
        writer.stdin.close()
    assert error.code == "busy"
    assert "another process has a database in" in error.remedy


def test_a_broken_file_is_refused_without_its_lines(exports: DataSource) -> None:
    (Path(exports.location) / "bad.csv").write_text(
        "email,n\n" + "ann@example.com,1\n" * 30_000 + "bob@example.com,x,y\n"
    )
    error = refused(exports, "SELECT * FROM 'bad.csv'")
    assert error.code == "query_failed"
    assert "ann@" not in "".join(traceback.format_exception(error)) + error.said


def test_a_column_that_is_gone_is_named(exports: DataSource) -> None:
    error = refused(exports, "SELECT emial FROM 'vips.csv'")
    assert 'column "emial" not found' in error.said
    assert "emial" not in str(error)
    assert "'tier', which is missing" in refused(exports, "FROM 'vips.csv'", columns={"level": "tier"}).remedy


def test_bytes_are_refused_with_their_column(exports: DataSource) -> None:
    assert "the column 'photo' has bytes" in refused(exports, "SELECT 'x'::BLOB AS photo").remedy
    assert refused(exports, "SELECT NULL::BLOB AS photo WHERE false").code == "binary_column"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) AS n FROM range(10000000000) AS a, range(1000) AS b",
        "SELECT range AS n FROM range(10000000000)",
    ],
    ids=["before the first row", "between rows"],
)
def test_a_query_ends_at_its_deadline(sql: str, exports: DataSource) -> None:
    assert refused(exports, sql, seconds=0.5, max_rows=100_000_000).code == "timed_out"


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    source = DataSource("exports", "folder", str(tmp_path / "gone"))
    assert refused(source, "SELECT 1 AS one").remedy.startswith(f"there is no folder {tmp_path / 'gone'}")
