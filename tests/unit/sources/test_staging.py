"""A result on the local disk: whole or not there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from configuration.queries import DataSource
from sources.errors import SourceError
from sources.staging import stage
from tests.support.sources import reading


@pytest.fixture
def shop(tmp_path: Path) -> DataSource:
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE people (email, spent)")
        file.executemany("INSERT INTO people VALUES (?, 9e999)", ([f"p{n}@example.com"] for n in range(20_000)))
    return DataSource("shop", "sqlite", str(path))


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0


def test_a_result_is_read_as_often_as_wanted_and_has_no_name_on_the_disk(shop: DataSource, tmp_path: Path) -> None:
    folder = tmp_path / "staged"
    folder.mkdir()
    with closing(stage(reading(shop, "SELECT * FROM people"), folder)) as found:
        assert [*folder.iterdir()] == []
        first, again = (b"".join(found.pieces()) for _ in range(2))
        assert first == again
        assert first.count(b"\n") == found.rows == 20_000
        assert max(map(len, found.pieces())) <= 262_144
        assert found.left_out == {"spent": {"number_not_finite": 20_000}}
        assert [column.name for column in found.columns] == ["email", "spent"]
        assert len(found.sha256_of_sql) == 64
        assert 0 < found.seconds < 60


def test_after_an_error_neither_file_nor_connection_stays_open(shop: DataSource, tmp_path: Path) -> None:
    before = open_files()
    for _ in range(3):
        with pytest.raises(SourceError, match="too many rows"):
            stage(reading(shop, "SELECT * FROM people", max_rows=10_000), tmp_path)
    assert open_files() == before


def test_a_disk_that_cannot_be_written_is_named(shop: DataSource, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^disk full \(FileNotFoundError\): make room in .*/gone, or correct its"):
        stage(reading(shop, "SELECT * FROM people"), tmp_path / "gone")


def test_a_fault_of_the_driver_is_not_said_to_be_one_of_the_disk(shop: DataSource, tmp_path: Path) -> None:
    def broken() -> Iterator[list[dict[str, Any]]]:
        raise ConnectionResetError
        yield []

    read = reading(shop, "SELECT * FROM people")
    read.batches = broken()
    with pytest.raises(ConnectionResetError):
        stage(read, tmp_path)
