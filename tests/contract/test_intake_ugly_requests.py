"""Whatever is sent to a running Ferry, it answers, with what is wrong; and no process takes more memory than it may.

A long run, of 20,000 requests: `python -m tests.support.ugly` (`make ugly`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.ugly import MEMORY_MB, Ugly, run
from tests.support.up import HurriedUp, Up

SEED = 20_261_130


@pytest.fixture
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    started = HurriedUp(tmp_path_factory.mktemp("ugly"))
    try:
        started.wait_until_up()
        yield started
    finally:
        started.end()


def test_ugly_requests_are_answered_and_take_little_memory(up: Up) -> None:
    seen = run(up, SEED, 200)
    assert seen.defects == []
    assert {202, 400, 413} <= seen.answers.keys()
    assert {"web", "redis", "scheduler"} <= seen.memory.keys()
    assert max(seen.memory.values()) < MEMORY_MB, seen.memory


def test_a_seed_makes_the_same_requests_again() -> None:
    first, second = ([Ugly(1).request(number) for number in range(20)] for _ in range(2))
    assert first == second
    assert first != [Ugly(2).request(number) for number in range(20)]
