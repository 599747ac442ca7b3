"""`make bench-compare`: two revisions take turns, and a figure is worse only if it is worse in every turn."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.compare import ROOT, Turn, compare, main, spreads, table, worktree

#: The figure that takes the least time to measure.
CHEAPEST = "snapshot_rows"


@pytest.mark.parametrize(
    ("ratios", "worse"),
    [([1.2, 1.3, 1.11], True), ([1.2, 1.3, 1.10], False), ([2.0, 0.9, 3.0], False), ([0.5, 0.5, 0.5], False)],
)
def test_a_figure_is_worse_only_if_even_its_least_ratio_is_above_the_bound(ratios: list[float], worse: bool) -> None:
    (found,) = spreads([Turn({"us": ratio}, {"us": 1.0}) for ratio in ratios])
    assert found.is_worse is worse
    assert (found.least, found.most) == (min(ratios), max(ratios))
    assert found.least <= found.median <= found.most


def test_the_result_shows_the_amounts_and_the_ratios_of_each_number() -> None:
    turns = [Turn({"us a row": 30.0, "bytes": 5.0}, {"us a row": 20.0, "bytes": 10.0})] * 2
    _, first, second = table({"rows": turns})
    assert first.split() == ["rows:", "us", "a", "row", "30.0", "20.0", "1.50", "1.50", "1.50", "worse"]
    assert second.split() == ["rows:", "bytes", "5.0", "10.0", "0.50", "0.50", "0.50"]


def test_a_revision_is_measured_by_this_trees_benchmarks_in_a_folder_that_is_removed_afterwards() -> None:
    with worktree("HEAD") as tree:
        assert tree.is_relative_to(ROOT.parent)
        assert not tree.is_relative_to(ROOT)
        assert (tree / "queues" / "keys.py").exists()
        assert (tree / "bench" / "compare.py").read_text() == (ROOT / "bench" / "compare.py").read_text()
    assert not tree.parent.exists()


def test_two_revisions_take_turns_and_the_exit_status_says_whether_one_is_worse() -> None:
    result = CliRunner().invoke(main, ["HEAD", "--only", CHEAPEST, "--rounds", "1"])
    (line,) = [line for line in result.output.splitlines() if line.startswith(f"{CHEAPEST}: us of CPU a row")]
    assert result.exit_code == line.endswith("worse"), result.output


def test_a_revision_that_is_not_there_is_refused_in_gits_words() -> None:
    result = CliRunner().invoke(main, ["no-such-revision"])
    assert result.exit_code == 1
    assert "invalid reference: no-such-revision" in result.output


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A tree whose code the benchmarks do not fit."""
    shutil.copytree(ROOT / "bench", tmp_path / "bench")
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "__init__.py").touch()
    return tmp_path


def test_a_figure_that_cannot_be_measured_in_a_revision_is_named_with_the_reason(strange: Path) -> None:
    found, missing = compare(strange, [CHEAPEST], 1)
    assert not found
    assert missing.keys() == {CHEAPEST}
    assert re.search("not in this revision|No module named", missing[CHEAPEST])
