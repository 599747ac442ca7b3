"""Reading from a real PostgreSQL: every type, nothing but reading, and nothing but whole results."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from configuration.queries import DataSource
from sources.errors import SourceError
from sources.probe import probe
from sources.results import ROWS
from tests.support.freezing import Freezing
from tests.support.postgresql import Database, database, role, started
from tests.support.sources import reading, refused, result
from tests.support.waiting import until


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Database]:
    with database() as found:
        found.run(
            "CREATE SCHEMA marts",
            "CREATE TABLE marts.vips (email text, plan text, n int)",
            "INSERT INTO marts.vips VALUES ('ann@example.com', 'gold', 1), ('bob@example.com', NULL, 2)",
            "CREATE SEQUENCE marts.numbers",
        )
        yield found


@pytest.fixture(scope="module")
def source(warehouse: Database) -> DataSource:
    return warehouse.source(time_zone="Europe/Berlin")


#: The connections of queries to this database: other tests may use the same server meanwhile.
READERS = "FROM pg_stat_activity WHERE application_name = 'ferry:vips' AND datname = current_database()"

TYPES = """SELECT 'a@example.com'::text AS email, 17::bigint AS external_id, true AS b, 9007199254740993 AS big,
    12345678901234567890::numeric AS huge, 1.50::numeric(10, 2) AS d, 'NaN'::numeric AS nan, 'infinity'::float8 AS
    inf, timestamp '2026-07-01 09:30:00.5' AS ts, timestamptz '2026-10-25 00:30:00+02' AS tz,
    'infinity'::timestamptz AS tinf, '-infinity'::date AS dinf, timestamp '12026-01-01' AS far, date '0044-03-15
    BC' AS bc, date '9999-12-31' AS day, time '10:30' AS t, timetz '10:30+02' AS ttz, interval '1 mon 3 days' AS i,
    'ab'::char(5) AS padded, '0b5c4d3f-7a1e-4c66-9d2c-9a8b7e4f3051'::uuid AS u, inet '10.0.0.1' AS ip, cidr
    '10.0.0.0/8' AS net, int4range(1, 3) AS r, tstzrange('2026-01-01Z', NULL) AS tr, '{[1,3)}'::int4multirange AS
    mr, '{"a": [1, null]}'::jsonb AS j, '{"a": 1e400}'::jsonb AS jbig,
    ARRAY['x', NULL] AS l, ARRAY[timestamptz '2026-01-01Z', 'infinity'] AS tl,
    money '12.50' AS m, B'101' AS bits, point '(1,2)' AS p, NULL::text AS nothing, :slot::timestamptz AS slot,
    :last_run::text AS last"""


def test_every_type_becomes_what_json_has(source: DataSource) -> None:
    found = result(source, TYPES, slot=datetime(2026, 12, 1, 6, 30, tzinfo=UTC))
    assert found.rows == [
        {
            "email": "a@example.com",
            "external_id": "17",
            "b": True,
            "big": "9007199254740993",
            "huge": "12345678901234567890",
            "d": 1.5,
            "ts": "2026-07-01T07:30:00.500000Z",
            "tz": "2026-10-24T22:30:00Z",
            "day": "9999-12-31",
            "t": "10:30:00",
            "ttz": "10:30:00+02",
            "i": "1 mon 3 days",
            "padded": "ab",
            "u": "0b5c4d3f-7a1e-4c66-9d2c-9a8b7e4f3051",
            "ip": "10.0.0.1",
            "net": "10.0.0.0/8",
            "r": "[1,3)",
            "tr": '["2026-01-01 00:00:00+00",)',
            "mr": "{[1,3)}",
            "j": {"a": [1, None]},
            "l": ["x", None],
            "m": "$12.50",
            "bits": "101",
            "p": "(1,2)",
            "nothing": None,
            "slot": "2026-12-01T06:30:00Z",
            "last": None,
        }
    ]
    assert found.left_out == {
        **{name: {"number_not_finite": 1} for name in ("nan", "inf", "jbig")},
        **{name: {"time_out_of_range": 1} for name in ("tinf", "dinf", "far", "bc", "tl")},
    }
    assert (found.types["d"], found.types["tz"], found.types["l"]) == ("numeric(10,2)", "timestamptz", "text[]")


def test_sql_that_would_write_is_named_as_such(source: DataSource) -> None:
    gone = "WITH gone AS (DELETE FROM marts.vips RETURNING email) SELECT email FROM gone"
    assert refused(source, gone).remedy.startswith("the SQL does more than read")
    named = refused(source, "SELECT email FROM marts.vips WHERE plan = :plan").remedy
    assert named.endswith("; the only values of Ferry are :slot and :last_run, and the SQL has :plan")


def test_a_table_is_read_whole_and_null_keeps_what_klaviyo_has(source: DataSource) -> None:
    assert [row["plan"] for row in result(source, "SELECT * FROM marts.vips ORDER BY n").rows] == ["gold", None]
    kept = result(source, "TABLE marts.vips", null="keep").rows
    assert [sorted(row) for row in kept] == [["email", "n", "plan"], ["email", "n"]]


def test_no_rows_are_a_result_unless_the_query_says_otherwise(source: DataSource) -> None:
    assert result(source, "SELECT email FROM marts.vips WHERE false").rows == []
    assert refused(source, "SELECT email FROM marts.vips WHERE false", min_rows=1).code == "too_few_rows"
    assert refused(source, "SELECT n FROM generate_series(1, 9) AS n", max_rows=8).code == "too_many_rows"


def test_the_server_shows_which_query_it_is_in_a_read_only_transaction_of_one_moment(source: DataSource) -> None:
    settings = "application_name", "transaction_read_only", "default_transaction_read_only", "transaction_isolation"
    sql = f"SELECT {', '.join(f'current_setting($${name}$$) AS {name}' for name in settings)}"
    assert result(source, sql).rows == [dict(zip(settings, ("ferry:vips", "on", "on", "repeatable read"), strict=True))]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO marts.vips VALUES ('x')",
        "INSERT INTO marts.vips VALUES ('x') RETURNING email",
        "WITH gone AS (DELETE FROM marts.vips RETURNING email) SELECT email FROM gone",
        "rollback; begin read write; insert into marts.vips values ('x'); commit",
        "SELECT 1 AS one; INSERT INTO marts.vips VALUES ('x')",
        "CREATE TABLE marts.more (a int)",
        "SELECT email INTO marts.more FROM marts.vips",
        "SELECT nextval('marts.numbers')",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SET default_transaction_read_only = off",
        "COPY (SELECT 1) TO '/tmp/ferry-test'",
        "SELECT email FROM marts.vips FOR UPDATE",
    ],
)
def test_a_query_can_only_read_even_as_a_superuser(sql: str, source: DataSource, warehouse: Database) -> None:
    assert refused(source, sql).code == "query_failed"
    assert warehouse.run("SELECT count(*) FROM marts.vips") == [(2,)]
    assert warehouse.run("SELECT count(*) FROM pg_class WHERE relname = 'more'") == [(0,)]
    assert warehouse.run("SELECT is_called FROM marts.numbers") == [(False,)]


def test_what_the_database_says_is_kept_only_about_the_sql_itself(source: DataSource) -> None:
    gone = refused(source, "SELECT emial FROM marts.vips")
    assert (gone.detail, gone.said) == ("SQLSTATE 42703 UndefinedColumn", 'column "emial" does not exist')
    data = refused(source, "SELECT email::int AS n FROM marts.vips")
    assert (data.code, data.detail, data.said) == ("query_failed", "SQLSTATE 22P02 InvalidTextRepresentation", "")
    assert "ann" not in "".join(traceback.format_exception(data))


def test_a_column_that_the_settings_name_must_be_there_in_any_case(source: DataSource) -> None:
    assert result(source, 'SELECT email AS "EMAIL_ADDR" FROM marts.vips', columns={"email": "email_addr"}).rows
    assert "'tier', which is missing" in refused(source, "TABLE marts.vips", columns={"plan": "tier"}).remedy
    assert "several columns named email" in refused(source, "SELECT email, email FROM marts.vips").remedy
    assert "the column 'photo' has bytes" in refused(source, "SELECT 'x'::bytea AS photo").remedy
    assert refused(source, "SELECT NULL::bytea[] AS photo WHERE false").code == "binary_column"


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_server_that_goes_away_never_looks_like_a_short_result(
    batches: int, source: DataSource, warehouse: Database
) -> None:
    with reading(source, f"SELECT n FROM generate_series(1, {4 * ROWS}) AS n") as rows:  # noqa: S608
        for _ in range(batches):
            next(rows.batches)
        warehouse.run(f"SELECT pg_terminate_backend(pid) {READERS}")
        with pytest.raises(SourceError) as error:
            list(rows.batches)
    assert error.value.code == "connection_lost"


def test_a_server_that_goes_away_while_it_works_is_said_to_be_gone(source: DataSource, warehouse: Database) -> None:
    def never_but_kill() -> bool:
        warehouse.run(f"SELECT pg_terminate_backend(pid) {READERS}")
        return False

    error = refused(source, "SELECT pg_sleep(600)::text AS s", cancelled=never_but_kill)
    assert (error.code, error.detail) == ("connection_lost", "SQLSTATE 57P01 AdminShutdown")


def test_an_error_at_a_late_row_never_looks_like_a_short_result(source: DataSource) -> None:
    error = refused(source, f"SELECT 1 / ({3 * ROWS} - n) AS x FROM generate_series(1, {4 * ROWS}) AS n")  # noqa: S608
    assert (error.code, error.detail) == ("query_failed", "SQLSTATE 22012 DivisionByZero")


@pytest.mark.parametrize(
    "sql",
    ["SELECT pg_sleep(600)::text AS s", "SELECT n, pg_sleep(0.3)::text AS s FROM generate_series(1, 2000) AS n"],
    ids=["before the first row", "within a batch"],
)
def test_a_query_ends_at_its_deadline_and_leaves_the_server_alone(
    sql: str, source: DataSource, warehouse: Database
) -> None:
    assert refused(source, sql, seconds=0.3).code == "timed_out"
    until(lambda: not warehouse.run(f"SELECT 1 {READERS}"))


def test_a_query_ends_at_its_deadline_also_when_the_server_no_longer_answers(warehouse: Database) -> None:
    parts = urlsplit(warehouse.url)
    with Freezing(parts.hostname or "", parts.port or 5432) as between:
        url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{between.port}").geturl()
        source = DataSource("warehouse", "server", url)
        with reading(source, f"SELECT n FROM generate_series(1, {4 * ROWS}) AS n", seconds=1) as rows:  # noqa: S608
            next(rows.batches)
            between.freeze()
            with pytest.raises(SourceError, match=r"^timed out"):
                list(rows.batches)


def test_a_query_ends_when_it_is_cancelled(source: DataSource) -> None:
    began = time.monotonic()
    error = refused(source, "SELECT pg_sleep(600)::text AS s", cancelled=lambda: time.monotonic() > began + 0.2)
    assert error.code == "cancelled"


def test_a_server_that_ends_a_slow_statement_itself_is_named(warehouse: Database) -> None:
    with role(warehouse) as name:
        warehouse.run(f"ALTER ROLE {name} SET statement_timeout = '100ms'")
        error = refused(warehouse.source(name), "SELECT pg_sleep(600)::text AS s")
    assert error.detail == "SQLSTATE 57014 QueryCanceled"
    assert error.remedy.startswith("the server ended the query")


def test_what_is_no_server_is_unreachable_without_a_word_of_the_password() -> None:
    source = DataSource("warehouse", "server", "postgresql://ferry:secret-word@127.0.0.1:1/shop")
    error = refused(source, "SELECT 1 AS one")
    assert error.code == "unreachable"
    assert "Connection refused" in error.said
    assert "secret-word" not in str(error) + error.said


def test_rights_that_are_too_wide_are_named(warehouse: Database) -> None:
    assert "the user is a superuser" in probe(warehouse.source())[0]
    with role(warehouse) as name:
        reader = warehouse.source(name)
        assert probe(reader) == []
        assert refused(reader, "TABLE marts.vips").remedy.startswith("grant the user SELECT")
        warehouse.run(f"GRANT USAGE ON SCHEMA marts TO {name}", f"GRANT SELECT ON marts.vips TO {name}")
        assert len(result(reader, "TABLE marts.vips").rows) == 2
        assert probe(reader) == []
        warehouse.run(f"GRANT UPDATE ON marts.vips TO {name}", f"GRANT pg_read_server_files TO {name}")
        assert [warning.partition(":")[0] for warning in probe(reader)] == [
            "the user may read or write files of the server, or run programs there",
            "the user may write to tables or views",
        ]
        warehouse.run(f"CREATE TABLE owned (a int); ALTER TABLE owned OWNER TO {name}")
        assert "the user owns tables, and so may change and drop them" in " ".join(probe(reader))


def test_a_catalog_that_does_not_answer_is_asked_for_a_limited_time(
    source: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.probe._LIMIT_S", 0.3)
    monkeypatch.setattr("sources.probe._RIGHTS", {"sleeps": "SELECT pg_sleep(600)::text"})
    with pytest.raises(SourceError, match=r"^timed out"):
        probe(source)


def test_where_no_server_runs_the_tests_start_one() -> None:
    with started() as url:
        assert Database(url).run("SELECT 1") == [(1,)]
