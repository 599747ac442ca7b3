"""The SQL of a query: where it comes from, and which colons are values."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from configuration.queries import DataSource, Query
from sources.errors import SourceError
from sources.statement import Binds, Statement, begins_to_read, statement_of

SHOP = DataSource("shop", "sqlite", "/srv/shop.sqlite")


def compiled(sql: str) -> tuple[str, dict[str, object]]:
    """What SQLAlchemy sends to psycopg, and the names of the values."""
    written, _ = Statement(sql, "").written(":{}".format, r"\:")
    dialect = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
    found = text(written).compile(dialect=dialect)
    return found.string, dict(found.params)


@pytest.mark.parametrize(
    ("sql", "sent", "names"),
    [
        ("SELECT :slot::timestamptz", "SELECT %(slot)s::timestamptz", {"slot"}),
        ("SELECT a FROM b WHERE c > :last_run", "SELECT a FROM b WHERE c > %(last_run)s", {"last_run"}),
        ("SELECT ':slot', \":slot\"", "SELECT ':slot', \":slot\"", set()),
        ("SELECT 1 -- at :slot\n/* :slot */", "SELECT 1 -- at :slot\n/* :slot */", set()),
        ("SELECT $$:slot$$, $a$ ':slot $a$", "SELECT $$:slot$$, $a$ ':slot $a$", set()),
        ("SELECT 'it''s :slot'", "SELECT 'it''s :slot'", set()),
        ("SELECT x::int, y[1:2], '10:30', '\\:z'", "SELECT x::int, y[1:2], '10:30', '\\:z'", set()),
        ("SELECT :other, a:slot, :slots", "SELECT :other, a:slot, :slots", set()),
        ("SELECT 7 % 2, '%s'", "SELECT 7 %% 2, '%%s'", set()),
    ],
)
def test_only_the_two_values_outside_of_literals_and_comments_are_bound(sql: str, sent: str, names: set[str]) -> None:
    assert compiled(sql) == (sent, dict.fromkeys(names))


@given(st.text("a:'\\\"% [](){}$-/*\n1", max_size=30))
def test_sql_without_the_values_reaches_the_server_unchanged(sql: str) -> None:
    assert compiled(sql) == (sql.replace("%", "%%"), {})


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("select 1", True),
        (" -- all\n# of\n/* them */ (SELECT 1)", True),
        ("WITH x AS (SELECT 1) SELECT * FROM x", True),
        ("TABLE vips", True),
        ("VALUES (1)", True),
        ("SELECTED", False),
        ("/* select */ delete from vips", False),
        ("-- select the old ones\ndelete from vips", False),
        ("# select the old ones\ndelete from vips", False),
        ("/* old */ delete from vips /* ones */ select", False),
        (" " * 100_000 + "drop", False),
        ("/*! delete from vips */ select 1", False),
        ("/*M! delete from vips */ select 1", False),
        ("set global x = 1", False),
        ("", False),
    ],
)
def test_only_what_begins_as_a_select_does_begins_to_read(sql: str, reads: bool) -> None:
    assert begins_to_read(sql) is reads


def test_the_values_are_iso_8601_in_utc() -> None:
    slot = datetime.fromisoformat("2026-12-01T07:30:00+01:00")
    assert Binds.of(slot, None) == ("2026-12-01T06:30:00Z", None)
    assert Binds.of(slot, slot).last_run == "2026-12-01T06:30:00Z"
    before = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    assert Binds.of(None, None).slot >= before


def test_a_file_loses_its_mark_and_its_last_semicolon_and_another_text_has_another_hash(tmp_path: Path) -> None:
    file = tmp_path / "vips.sql"
    file.write_text("\ufeffSELECT 1;\n ;\n")
    found = statement_of(Query("vips", "shop", sql_file=file), SHOP)
    assert found.sql == "SELECT 1"
    file.write_text("SELECT 2;\n")
    assert statement_of(Query("vips", "shop", sql_file=file), SHOP).sha256 != found.sha256


@pytest.mark.parametrize("content", [None, b" \n", b"SELECT '\xff'"])
def test_a_file_that_is_missing_empty_or_no_text_is_refused_by_name(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "vips.sql"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SourceError, match=r"^sql missing.*vips\.sql"):
        statement_of(Query("vips", "shop", sql_file=file), SHOP)


def test_a_table_and_a_file_of_a_folder_are_read_whole() -> None:
    assert statement_of(Query("vips", "shop", table="marts.vips"), SHOP).sql == "SELECT * FROM marts.vips"
    folder = DataSource("exports", "folder", "/srv/exports")
    assert statement_of(Query("vips", "exports", table="vips.csv"), folder).sql == "SELECT * FROM 'vips.csv'"


def manifest(folder: Path, *nodes: dict[str, str | None]) -> DataSource:
    path = folder / "manifest.json"
    path.write_text(json.dumps({"metadata": {}, "nodes": {f"n{number}": node for number, node in enumerate(nodes)}}))
    return DataSource("shop", "sqlite", "/srv/shop.sqlite", dbt_manifest=path)


def test_a_dbt_model_is_read_from_its_table(tmp_path: Path) -> None:
    source = manifest(
        tmp_path,
        {"name": "vips", "resource_type": "test", "relation_name": None},
        {"name": "vips", "resource_type": "model", "relation_name": '"db"."marts"."vips"'},
        {"name": "staged", "resource_type": "model", "relation_name": None},
    )
    assert statement_of(Query("v", "shop", dbt_model="vips"), source).sql == 'SELECT * FROM "db"."marts"."vips"'
    for model in ("staged", "missing"):
        with pytest.raises(SourceError, match=f"models {model} with a table or view"):
            statement_of(Query("v", "shop", dbt_model=model), source)


def test_a_manifest_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    source = manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(SourceError, match="is not dbt's manifest"):
        statement_of(Query("v", "shop", dbt_model="vips"), source)
