"""docs/warehouse.md: its commands do what the page says, and its example is the one in the repository."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest

from configuration.connections import DEFAULT, Connection, Connections
from configuration.queries_file import load_queries, load_sources
from ops.queries.documents import ShownState
from tests.support.guide import done
from tests.support.paths import ROOT
from tests.support.up import HurriedUp

GUIDE = (ROOT / "docs" / "warehouse.md").read_text()
EXAMPLE = ROOT / "docs" / "examples" / "warehouse"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What each block printed, in a folder with the repository's example and a running group."""
    folder = tmp_path_factory.mktemp("guide")
    shutil.copytree(EXAMPLE, folder / "docs" / "examples" / "warehouse")
    up = HurriedUp(
        folder / "var",
        FERRY_CONNECTIONS=str(folder / "docs" / "examples" / "warehouse" / "connections.toml"),
    )
    try:
        up.wait_until_up()
        yield done(folder, BLOCKS)
    finally:
        up.end()


def test_the_settings_on_the_page_are_those_of_the_example() -> None:
    (settings,) = (block for block in re.findall(r"^```toml\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)[:1])
    assert settings == (EXAMPLE / "connections.toml").read_text()


def test_the_database_of_the_example_is_what_its_sql_says(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "made")) as made, closing(sqlite3.connect(EXAMPLE / "shop.sqlite")) as kept:
        made.executescript((EXAMPLE / "shop.sql").read_text())
        assert [*kept.iterdump()] == [*made.iterdump()]


def test_the_check_shows_the_columns_and_the_preview_whom_it_would_add(said: list[str]) -> None:
    check, preview, *_ = said
    assert "vips: connected to shop; the query can be read." in check
    assert re.search(r"tier +property plan +yes", check)
    assert re.search(r"Would add +3\b", preview)
    assert re.search(r"Rejected +1 +email_invalid", preview)
    assert "@example.com" not in check + preview


def test_a_worker_runs_the_query_and_it_is_paused_by_hand(said: list[str]) -> None:
    _, _, first, again, paused = said
    assert "rows read" in first
    assert re.search(r"Added +3\b", first)
    assert re.search(r"Unchanged +3\b", again)
    assert len(set(re.findall(r"vips-\w{12}", again))) == 2
    assert "vips is paused." in paused
    assert "vips runs at its next slot." in paused
    assert "No run of vips is queued or reading." in paused


def test_the_settings_of_the_schedule_are_read(tmp_path: Path) -> None:
    scheduled = re.findall(r"^```toml\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)[1]
    file = tmp_path / "connections.toml"
    file.write_text(f'[sources.shop]\nsqlite = "shop.sqlite"\n{scheduled}')
    connections = Connections({DEFAULT: Connection(DEFAULT)})
    (query,) = load_queries(file, load_sources(file), connections)
    assert (query.jitter_minutes, query.catch_up_seconds, str(query.when)) == (
        5,
        21_600,
        "30 6 * * mon-fri (Europe/Berlin)",
    )


def test_the_page_names_every_state_of_a_run() -> None:
    section = GUIDE.partition("\n### What a run does\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    assert {word for row in rows for word in re.findall(r"`(\w+)`", row)} == set(get_args(ShownState)) - {"submitted"}
