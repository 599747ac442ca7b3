"""Reading from a real MariaDB by PyMySQL: every type, nothing but reading, and nothing but whole results."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from urllib.parse import quote

import pytest

from configuration.queries import DataSource
from sources.errors import SourceError
from sources.probe import probe
from tests.support.freezing import Freezing
from tests.support.mariadb import MariaDb, mariadb
from tests.support.sources import reading, refused, result
from tests.support.waiting import until

MANY = "SELECT seq AS n FROM seq_1_to_400000"
READERS = "SELECT id FROM information_schema.processlist WHERE info LIKE '%seq_1_to_400000%' AND id <> CONNECTION_ID()"


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDb]:
    with mariadb() as found:
        found.run(
            "CREATE TABLE shop.vips (email varchar(100), plan varchar(20)) ENGINE=InnoDB",
            "INSERT INTO shop.vips VALUES ('ann@example.com', 'gold'), ('bob@example.com', NULL)",
            "CREATE TABLE shop.old (email varchar(100)) ENGINE=MyISAM",
            "CREATE SEQUENCE shop.numbers",
            "CREATE FUNCTION shop.joins() RETURNS int MODIFIES SQL DATA RETURN (SELECT nextval(shop.numbers))",
        )
        yield found


@pytest.fixture
def source(server: MariaDb) -> DataSource:
    return server.source()


TYPES = """SELECT 'a@example.com' AS email, 17 AS external_id, true AS b, 9007199254740993 AS big, CAST(1.50 AS
    decimal(10, 2)) AS d, 1.5e0 AS f, CAST('2026-07-01 09:30:00.5' AS datetime(1)) AS ts, CAST('0000-00-00' AS date) AS
    zero, CAST('0000-00-00 00:00:00' AS datetime) AS zeros, DATE '9999-12-31' AS day, TIME '10:30:00' AS t,
    CAST('0b5c4d3f-7a1e-4c66-9d2c-9a8b7e4f3051' AS uuid) AS u, JSON_OBJECT('a', 1) AS j, NULL AS nothing, '50 %' AS
    percent, 'a:slot' AS colon, :slot AS slot, :last_run AS last"""


def test_every_type_becomes_what_json_has(source: DataSource) -> None:
    found = result(source, TYPES)
    (row,) = found.rows
    assert row.pop("slot").endswith("Z")
    assert row == {
        "email": "a@example.com",
        "external_id": "17",
        "b": 1,
        "big": "9007199254740993",
        "d": 1.5,
        "f": 1.5,
        "ts": "2026-07-01T09:30:00.500000Z",
        "day": "9999-12-31",
        "t": "10:30:00",
        "u": "0b5c4d3f-7a1e-4c66-9d2c-9a8b7e4f3051",
        "j": '{"a": 1}',
        "nothing": None,
        "percent": "50 %",
        "colon": "a:slot",
        "last": None,
    }
    assert found.left_out == {name: {"time_out_of_range": 1} for name in ("zero", "zeros")}
    for sql in ("SELECT x'00' AS photo", "SELECT b'101' AS photo"):
        assert refused(source, sql).code == "binary_column"


def test_the_session_has_the_time_zone_of_the_source_if_the_server_knows_it(server: MariaDb) -> None:
    sql = "SELECT FROM_UNIXTIME(1796113800) AS ts, @@session.time_zone AS zone"
    assert result(server.source(), sql).rows == [{"ts": "2026-12-01T08:30:00Z", "zone": "+00:00"}]
    unknown = refused(server.source(time_zone="Europe/Berlin"), sql)
    assert (unknown.code, unknown.remedy.partition(":")[0]) == (
        "unreachable",
        "the server does not know the time zone Europe/Berlin",
    )


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO vips VALUES ('x', NULL)",
        "INSERT INTO old VALUES ('x')",
        "DELETE FROM vips",
        "CREATE TABLE more (a int)",
        "CREATE TEMPORARY TABLE more (a int)",
        "SET GLOBAL max_connections = 7",
        "SET SESSION TRANSACTION READ WRITE",
        "FLUSH TABLES",
        "CALL nothing()",
        "SELECT 1 AS one; DELETE FROM vips",
        "/*! DELETE FROM vips */",
        "/* SELECT */ DELETE FROM vips",
        "SELECT email FROM vips FOR UPDATE",
        "SELECT nextval(numbers) AS n",
        "SELECT joins() AS n",
        "WITH x AS (SELECT 1) DELETE FROM vips",
    ],
)
def test_a_query_can_only_read_even_as_an_administrator(sql: str, source: DataSource, server: MariaDb) -> None:
    before = server.run("SELECT @@global.max_connections")
    assert refused(source, sql).code == "query_failed"
    assert server.run("SELECT count(*) FROM shop.vips") == [(2,)]
    assert server.run("SELECT count(*) FROM shop.old") == [(0,)]
    assert len(server.run("SHOW TABLES FROM shop")) == 3
    assert server.run("SELECT @@global.max_connections") == before
    assert server.run("SELECT next_not_cached_value FROM shop.numbers") == [(1,)]


def test_a_result_is_read_in_parts_and_left_without_reading_the_rest(source: DataSource, server: MariaDb) -> None:
    with reading(source, MANY) as rows:
        assert [row["n"] for row in islice(rows, 3)] == [1, 2, 3]
        assert server.run(READERS)
    until(lambda: not server.run(READERS))
    assert refused(source, MANY, max_rows=10).code == "too_many_rows"
    assert len(result(source, "SELECT seq AS n FROM seq_1_to_10000").rows) == 10_000


def test_the_text_of_the_server_is_kept_only_about_the_sql_itself(source: DataSource, server: MariaDb) -> None:
    gone = refused(source, "SELECT emial FROM vips")
    assert (gone.detail, gone.said) == ("SQLSTATE 42S22 OperationalError", "Unknown column 'emial' in 'SELECT'")
    server.run("CREATE USER nobody", "GRANT USAGE ON *.* TO nobody", "GRANT SELECT ON shop.old TO nobody")
    assert refused(server.source("nobody"), "SELECT email FROM vips").remedy.startswith("grant the user SELECT")
    wrong = refused(
        DataSource("w", "server", f"mysql://owner:secret-word@127.0.0.1:{server.port}/shop"), "SELECT 1 AS n"
    )
    assert (wrong.code, wrong.detail) == ("unreachable", "SQLSTATE 28000 OperationalError")
    assert "secret-word" not in str(wrong) + wrong.said
    assert refused(DataSource("w", "server", "mysql://owner@127.0.0.1:1/shop"), "SELECT 1 AS n").code == "unreachable"


@pytest.mark.parametrize("batches", [0, 1])
def test_a_server_that_goes_away_never_looks_like_a_short_result(
    batches: int, source: DataSource, server: MariaDb
) -> None:
    with reading(source, MANY) as rows:
        for _ in range(batches):
            next(rows.batches)
        for (number,) in server.run(READERS):
            server.run(f"KILL CONNECTION {number}")
        with pytest.raises(SourceError) as error:
            list(rows.batches)
    assert error.value.code == "connection_lost"


@pytest.mark.parametrize(
    "sql",
    ["SELECT SLEEP(600) AS s", "SELECT seq AS n, SLEEP(0.3) AS s FROM seq_1_to_400000"],
    ids=["before", "within"],
)
def test_a_query_ends_at_its_deadline_and_leaves_the_server_alone(
    sql: str, source: DataSource, server: MariaDb
) -> None:
    assert refused(source, sql, seconds=0.3).code == "timed_out"
    sleeping = "SELECT 1 FROM information_schema.processlist WHERE info LIKE '%SLEEP%' AND id <> CONNECTION_ID()"
    until(lambda: not server.run(sleeping))


def test_a_query_ends_at_its_deadline_also_when_the_server_no_longer_answers(server: MariaDb) -> None:
    with (
        Freezing("127.0.0.1", server.port) as between,
        reading(server.source(port=between.port), MANY, seconds=2) as rows,
    ):
        next(rows.batches)
        between.freeze()
        with pytest.raises(SourceError, match=r"^timed out"):
            list(rows.batches)


def test_a_query_ends_when_it_is_cancelled(source: DataSource) -> None:
    began = time.monotonic()
    error = refused(source, "SELECT SLEEP(600) AS s", cancelled=lambda: time.monotonic() > began + 0.2)
    assert error.code == "cancelled"


def test_a_server_that_ends_a_slow_statement_itself_is_named(server: MariaDb) -> None:
    server.run("CREATE USER slow", "GRANT SELECT ON shop.* TO slow", "ALTER USER slow WITH MAX_STATEMENT_TIME 0.1")
    assert refused(server.source("slow"), "SELECT SLEEP(600) AS s").remedy.startswith("the server ended the query")


def test_rights_that_are_too_wide_are_named(source: DataSource, server: MariaDb) -> None:
    assert [warning.partition(":")[0] for warning in probe(source)] == ["the user may do more than read"]
    server.run("CREATE USER reader", "GRANT SELECT ON *.* TO reader")
    assert probe(server.source("reader")) == []
    server.run("GRANT UPDATE (plan) ON shop.vips TO reader")
    assert len(probe(server.source("reader"))) == 1


def test_rights_are_judged_whatever_the_server_takes_for_a_quote_and_whatever_the_user_is_called(
    server: MariaDb,
) -> None:
    names = ("only_reads", "may write", "ann@shop", "o'neill")
    server.run(
        *(f"CREATE USER `{name}`" for name in names),
        *(f"GRANT {'SELECT' if name == 'only_reads' else 'INSERT'} ON shop.* TO `{name}`" for name in names),
        "SET GLOBAL sql_mode = CONCAT(@@global.sql_mode, ',ANSI_QUOTES')",
    )
    try:
        warned = {name: bool(probe(server.source(quote(name)))) for name in names}
    finally:
        server.run("SET GLOBAL sql_mode = REPLACE(@@global.sql_mode, 'ANSI_QUOTES', '')")
    assert warned == {"only_reads": False, "may write": True, "ann@shop": True, "o'neill": True}
