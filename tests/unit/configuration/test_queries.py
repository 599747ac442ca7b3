"""[sources] and [queries] in connections.toml: what they may say, and what a mistake in them is answered with."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from configuration import queries_file
from configuration.connections import AudienceSettings, Connections
from configuration.connections_file import load as load_connections
from configuration.queries import DataSource, Query
from configuration.tables import ConnectionsError
from tests.support.connections import DEFAULT

URL: Final = "postgresql://ferry_ro:secret-of-warehouse@db.example.com/shop?sslmode=verify-full"
SHOP: Final = '[sources.shop]\nsqlite = "shop.sqlite"\n'


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", URL)
    monkeypatch.setenv("A_FILE", "sqlite:///shop.sqlite")
    monkeypatch.setenv("NO_URL", "db.example.com")


def read(folder: Path, text: str) -> tuple[tuple[DataSource, ...], tuple[Query, ...], Connections]:
    file = folder / "connections.toml"
    file.write_text(text)
    known = load_connections(file, DEFAULT)
    sources = queries_file.load_sources(file)
    queries = queries_file.load_queries(file, sources, known)
    return sources, queries, queries_file.applied(queries, known)


def test_without_the_tables_there_are_neither_sources_nor_queries(tmp_path: Path) -> None:
    assert read(tmp_path, "")[:2] == ((), ())
    assert queries_file.load_sources(None) == ()
    assert queries_file.load_queries(None, (), Connections({"default": DEFAULT})) == ()


def test_the_three_kinds_of_source_are_read_with_paths_beside_the_file(tmp_path: Path) -> None:
    text = """
        [sources.warehouse]
        url_env = "WAREHOUSE_URL"
        time_zone = "Europe/Berlin"
        runs_at_once = 2
        dbt_manifest = "target/manifest.json"
        [sources.exports]
        folder = "exports"
        [sources.shop]
        sqlite = "shop.sqlite"
    """
    warehouse, exports, shop = read(tmp_path, text)[0]
    manifest = tmp_path / "target" / "manifest.json"
    assert warehouse == DataSource("warehouse", "server", URL, "Europe/Berlin", 2, manifest)
    assert exports == DataSource("exports", "folder", str(tmp_path / "exports"))
    assert shop == DataSource("shop", "sqlite", str(tmp_path / "shop.sqlite"))
    assert "secret-of-warehouse" not in repr(warehouse)


def test_every_option_of_a_query_is_read(tmp_path: Path) -> None:
    text = f"""{SHOP}
        [queries.vips]
        source = "shop"
        sql_file = "queries/vips.sql"
        name = "VIPs"
        connection = "default"
        schedule = "30 6 * * mon-fri"
        time_zone = "Europe/Berlin"
        jitter_minutes = 5
        catch_up = "6h"
        timeout_minutes = 10
        max_rows = 1000
        min_rows = 100
        max_shrink_percent = 5
        max_removal_percent = 20
        null = "keep"
        attributes = ["first_name", "plan"]
        columns = {{ email = "email_address", plan = "tier" }}
        paused = true
        [queries.all]
        source = "shop"
        table = "main.people"
        every = "2h"
    """
    (vips, everybody), known = read(tmp_path, text)[1:]
    assert vips == Query(
        "vips",
        "shop",
        sql_file=tmp_path / "queries" / "vips.sql",
        list_name="VIPs",
        schedule="30 6 * * mon-fri",
        time_zone="Europe/Berlin",
        jitter_minutes=5,
        catch_up_seconds=21_600,
        timeout_minutes=10,
        max_rows=1_000,
        min_rows=100,
        max_shrink_percent=5,
        max_removal_percent=20,
        null="keep",
        attributes=("first_name", "plan"),
        columns={"email": "email_address", "plan": "tier"},
        paused=True,
    )
    assert everybody == Query("all", "shop", table="main.people", every_seconds=7_200)
    assert (known.named("default").removal_limit("vips"), known.named("default").removal_limit("all")) == (20, 30)


def test_columns_of_a_query_hold_for_every_snapshot_of_its_audience(tmp_path: Path) -> None:
    text = f"""{SHOP}
        [connections.default.audiences.vips]
        list_id = "LIST"
        columns = {{ email = "mail", city = "town" }}
        [queries.vips]
        source = "shop"
        table = "people"
        columns = {{ email = "address" }}
    """
    _, (query,), known = read(tmp_path, text)
    assert query.columns == {"email": "address", "city": "town"}
    connection = known.named("default")
    assert connection.audiences["vips"] == AudienceSettings("LIST", columns={"email": "address", "city": "town"})
    assert connection.columns_of("vips").columns == {"email": "address", "city": "town"}


WRONG_SOURCES: Final = {
    "": 'url_env: missing, and so are sqlite and folder; set one of them. Example: url_env = "WAREHOUSE_URL"',
    'sqlite = "a"\nfolder = "b"': "folder: there is also sqlite; keep one of them.",
    'url_env = "NOT_SET"': "url_env: it names NOT_SET, which is not set; set it in the environment.",
    'url_env = "NO_URL"': "url_env: the value of NO_URL is not a URL: write postgresql://user:password@host/database.",
    'url_env = "A_FILE"': "url_env: the value of A_FILE is a file: name it in sqlite or folder.",
    'folder = "a"\ntime_zone = "Berlin"': 'time_zone: not the name of a time zone. Example: time_zone = "Europe/Ber',
    'folder = "a"\nruns_at_once = 0': "runs_at_once: Must be greater than or equal to 1",
    'folder = "a"\nfoldr = "b"': "foldr: Unknown field; is folder meant?",
}


@pytest.mark.parametrize("text", WRONG_SOURCES)
def test_a_wrong_source_is_refused_with_place_fault_and_example(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConnectionsError) as refused:
        read(tmp_path, f"[sources.shop]\n{text}\n")
    assert f"connections.toml: [sources.shop]: {WRONG_SOURCES[text]}" in str(refused.value)
    assert "secret" not in str(refused.value)


WRONG_QUERIES: Final = {
    'source = "shop"': "sql_file: missing, and so are table and dbt_model; set one of them.",
    'table = "a"': "source: Missing data for required field.",
    'source = "shop"\ntable = "a"\nsql_file = "b"': "table: there is also sql_file; keep one of them.",
    'source = "shop"\ntable = "a; drop table b"': "table: not the plain name of a table: write the query into a file",
    'source = "warehouse"\ntable = "a"': "there is no source 'warehouse'; add [sources.warehouse] (shop)",
    'source = "shop"\ndbt_model = "a"': "dbt_model needs dbt's manifest; add dbt_manifest = ",
    'source = "shop"\ntable = "a"\nconnection = "b"': "there is no connection 'b' in this file; add [connections.b]",
    'source = "shop"\ntable = "a"\nschedule = "daily"': "schedule: not five fields of crontab: minute, hour, day",
    'source = "shop"\ntable = "a"\nschedule = "0 9 * * *"\nevery = "2h"': "every: there is also schedule; keep one",
    'source = "shop"\ntable = "a"\nevery = "2 hours"': "every: not a duration: write a whole number and m, h or d.",
    'source = "shop"\ntable = "a"\nevery = "2h"\njitter_minutes = 120': "jitter_minutes: not shorter than every",
    'source = "shop"\ntable = "a"\nmin_rows = 6_000_000': "min_rows: larger than max_rows; make it smaller.",
    'source = "shop"\ntable = "a"\nnull = "drop"': "null: Must be one of: clear, keep.",
    'source = "shop"\ntable = "a"\nschedul = "0 9 * * *"': "schedul: Unknown field; is schedule meant?",
}


@pytest.mark.parametrize("text", WRONG_QUERIES)
def test_a_wrong_query_is_refused_with_place_and_remedy(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConnectionsError) as refused:
        read(tmp_path, f"{SHOP}[queries.vips]\n{text}\n")
    assert f"connections.toml: [queries.vips]: {WRONG_QUERIES[text]}" in str(refused.value)


@pytest.mark.parametrize("table", ["sources", "queries"])
def test_names_are_plain(table: str, tmp_path: Path) -> None:
    with pytest.raises(ConnectionsError, match="a name has up to 40 lower-case letters"):
        read(tmp_path, f'{SHOP}[{table}."A B"]\nsource = "shop"\n')
