"""The benchmarks work: what they measure is nobody's business here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import rivals
from bench.__main__ import main
from bench.errors import BenchError
from bench.processes import redis_server
from bench.rivals import Rival, generate, send
from emulator.server import running


@pytest.fixture
def ferry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rival]:
    folder = tmp_path_factory.mktemp("b")  # short, for the socket in it
    with redis_server(folder) as url, rivals.ferry(url, folder) as rival:
        yield rival


def test_the_figures_asked_for_end_in_a_table_with_the_machine_and_how_to_repeat_them(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    words = ["--quick", "--only", "mapping", "--only", "memory", "--only", "tick", "--out", str(page)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    written = page.read_text()
    rows = [line.split("|")[1:-1] for line in written.splitlines() if line.startswith("|")]
    assert [row[0].strip().split(" ")[0] for row in rows[2:]] == ["Mapping", "Mapping", "Redis", "Redis", "Tick"]
    assert all(len(row) == 6 and row[1].strip() and row[2].strip() for row in rows[2:])
    assert all(words in written for words in ("cores", "Python 3.", "Valkey", "`make bench`", "### Memory"))
    assert written in result.output


def test_a_load_is_counted_and_stored_to_the_last_change(ferry: Rival) -> None:
    closed = send(ferry, 3, 0.3)  # raises when Redis holds more or less than was answered 202
    assert closed.sent > rivals.CONNECTIONS
    opened = send(ferry, 1, 0.5, rate=200)
    assert 100 < opened.sent < 400
    assert 0 < opened.p50 <= opened.p99


def test_a_load_that_is_not_answered_202_is_no_figure() -> None:
    with running() as url, pytest.raises(BenchError, match="401"):
        generate([int(url.rsplit(":", 1)[1])], 1, 0.2)
