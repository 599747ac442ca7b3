"""Reading from SQLite: every type, nothing but reading, and nothing but whole results."""

from __future__ import annotations

import math
import sqlite3
import tempfile
import traceback
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configuration.queries import DataSource
from sources.results import ROWS
from tests.support.sources import reading, refused, result


@pytest.fixture
def shop(tmp_path: Path) -> DataSource:
    path = tmp_path / "shop ?#%.sqlite"
    with closing(sqlite3.connect(path)) as file:
        file.executescript(
            "CREATE TABLE people (email TEXT, n); INSERT INTO people VALUES ('ann@example.com', 1), ('', NULL);"
        )
    return DataSource("shop", "sqlite", str(path))


def test_rows_have_the_names_and_values_of_the_database(shop: DataSource) -> None:
    sql = "SELECT email AS Email, n, 1.5 AS f, 9e999 AS inf, 9007199254740993 AS big, 'x' AS \"two words\" FROM people;"
    found = result(shop, sql)
    row = {"Email": "ann@example.com", "n": 1, "f": 1.5, "big": "9007199254740993", "two words": "x"}
    assert found.rows[0] == row
    assert found.rows[1]["n"] is None
    assert found.left_out == {"inf": {"number_not_finite": 2}}


DIRTY = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.tuples(DIRTY, st.none() | st.integers(-(2**63), 2**63 - 1), st.none() | st.floats(width=64))))
@settings(max_examples=50)
def test_dirty_rows_are_read_exactly(rows: list[tuple[str, int | None, float | None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dirty.sqlite")
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("CREATE TABLE dirty (name, n, f)")
            file.executemany("INSERT INTO dirty VALUES (?, ?, ?)", rows)
        found = result(DataSource("shop", "sqlite", str(path)), "SELECT * FROM dirty ORDER BY rowid")
    assert len(found.rows) == len(rows)
    for row, (name, n, f) in zip(found.rows, rows, strict=True):
        assert row["name"] == name
        assert row["n"] == (n if n is None or abs(n) <= 2**53 else str(n))
        # SQLite stores NaN as NULL.
        assert row.get("f", math.inf) == (None if f is None or math.isnan(f) else abs(f) if math.isinf(f) else f)


def test_the_two_values_are_bound(shop: DataSource) -> None:
    slot = datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
    sql = "SELECT email, :slot AS s, :last_run AS l, ':slot' AS t FROM people LIMIT 1 -- :slot"
    assert result(shop, sql, slot=slot).rows == [
        {"email": "ann@example.com", "s": "2026-12-01T06:30:00Z", "l": None, "t": ":slot"}
    ]


def test_no_rows_are_a_result_unless_the_query_says_otherwise(shop: DataSource) -> None:
    nobody = "SELECT email FROM people WHERE 0"
    assert result(shop, nobody).rows == []
    error = refused(shop, nobody, min_rows=1)
    assert (error.code, error.remedy) == ("too_few_rows", "0, and min_rows is 1: check the query")
    assert refused(shop, "SELECT email FROM people", max_rows=1).code == "too_many_rows"
    assert len(result(shop, "SELECT email FROM people", max_rows=2, min_rows=2).rows) == 2


def test_duplicate_rows_are_all_read(shop: DataSource) -> None:
    assert len(result(shop, "SELECT email FROM people UNION ALL SELECT email FROM people").rows) == 4


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO people VALUES ('x', 1)",
        "DELETE FROM people RETURNING email",
        "DROP TABLE people",
        "CREATE TABLE more (a)",
        "ATTACH 'FOLDER/new.sqlite' AS new",
        "VACUUM INTO 'FOLDER/new.sqlite'",
        "PRAGMA user_version = 7",
        "BEGIN",
        "SELECT 1 AS one; DELETE FROM people",
        "SELECT load_extension('x')",
        "SELECT writefile('FOLDER/new', 'x')",
    ],
)
def test_a_query_can_only_read(sql: str, shop: DataSource, tmp_path: Path) -> None:
    before = Path(shop.location).read_bytes()
    error = refused(shop, sql.replace("FOLDER", str(tmp_path)))
    assert error.code == "query_failed"
    assert Path(shop.location).read_bytes() == before
    assert [*tmp_path.iterdir()] == [Path(shop.location)]


def test_what_the_database_says_is_kept_only_about_the_sql_itself(shop: DataSource) -> None:
    error = refused(shop, "SELECT emial FROM people")
    assert error.said == "no such column: emial"
    assert "emial" not in str(error)
    with closing(sqlite3.connect(shop.location)) as file, file:
        file.execute("UPDATE people SET email = CAST(x'616e6eff' AS TEXT) WHERE n = 1")
    error = refused(shop, "SELECT email FROM people")
    assert (error.code, error.said) == ("query_failed", "")
    assert "ann" not in "".join(traceback.format_exception(error))


def test_bytes_and_two_columns_of_one_name_are_refused_with_the_name(shop: DataSource) -> None:
    assert "the column 'photo' has bytes" in refused(shop, "SELECT x'00' AS photo").remedy
    error = refused(shop, "SELECT email, n AS EMAIL FROM people")
    assert (error.code, error.remedy) == (
        "columns",
        "the result has several columns named EMAIL, email: give each one name",
    )


@pytest.mark.parametrize("sql", ["SELECT email FROM people WHERE n > :today", "SELECT :slot, ':a', :today, :today"])
def test_a_value_that_ferry_does_not_have_is_named(shop: DataSource, sql: str) -> None:
    error = refused(shop, sql)
    assert error.code == "query_failed"
    assert error.remedy.endswith("; the only values of Ferry are :slot and :last_run, and the SQL has :today")


def test_a_column_that_the_settings_name_must_be_there(shop: DataSource) -> None:
    assert result(shop, "SELECT email AS Contact_Mail FROM people", columns={"email": "contact mail"}).rows
    error = refused(shop, "SELECT email FROM people", columns={"plan": "tier"})
    assert error.code == "columns"
    assert "'tier', which is missing" in error.remedy


ENDLESS = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT "


@pytest.mark.parametrize("rest", ["max(n) AS n FROM r", "n FROM r"], ids=["before the first row", "between rows"])
def test_a_query_ends_at_its_deadline_and_when_it_is_cancelled(rest: str, shop: DataSource) -> None:
    limits = {"max_rows": 100_000_000}
    assert refused(shop, ENDLESS + rest, seconds=0.1, **limits).code == "timed_out"
    answers = iter([False, True])
    assert refused(shop, ENDLESS + rest, cancelled=lambda: next(answers, True), **limits).code == "cancelled"


def test_an_error_in_the_question_whether_to_cancel_cancels(shop: DataSource) -> None:
    def broken() -> bool:
        raise ConnectionError

    assert refused(shop, "SELECT email FROM people", cancelled=broken).code == "cancelled"


def test_a_deadline_in_the_past_reads_nothing(shop: DataSource) -> None:
    assert refused(shop, "SELECT email FROM people", seconds=-1).code == "timed_out"


def test_a_result_is_one_moment_of_the_database(shop: DataSource) -> None:
    with closing(sqlite3.connect(shop.location)) as file, file:
        file.execute("PRAGMA journal_mode = WAL")
        file.executemany("INSERT INTO people VALUES (?, 0)", ([f"p{n}@example.com"] for n in range(2 * ROWS)))
    with reading(shop, "SELECT email FROM people") as rows:
        first = next(rows.batches)
        with closing(sqlite3.connect(shop.location)) as file, file:
            file.execute("DELETE FROM people")
        assert len(first) + sum(map(len, rows.batches)) == 2 * ROWS + 2


def test_a_file_that_is_missing_or_no_database_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    source = DataSource("shop", "sqlite", str(path))
    assert refused(source, "SELECT 1 AS one").remedy == f"there is no file {path}: correct sqlite of [sources.shop]"
    path.write_text("email\nann@example.com\n" * 100)
    error = refused(source, "SELECT * FROM people")
    assert (error.code, error.detail) == ("query_failed", "SQLITE_NOTADB DatabaseError")
