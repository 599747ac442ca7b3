"""When the ledger is full."""

from __future__ import annotations

import pytest

from queues.server.room import full


@pytest.mark.parametrize(
    ("memory", "waiting", "word"),
    [
        ({}, 0, ""),
        ({}, 9, ""),
        ({}, 10, "10 changes are pending"),
        ({}, 1_234, "1,234 changes are pending"),
        ({"used_memory": 91, "maxmemory": 0}, 0, ""),
        ({"used_memory": 90, "maxmemory": 100}, 0, ""),
        ({"used_memory": 91, "maxmemory": 100}, 0, "Redis is full except for the memory that delivery needs"),
        ({"used_memory": 91}, 0, ""),
    ],
)
def test_the_ledger_is_full_by_changes_or_by_memory(memory: dict[str, int], waiting: int, word: str) -> None:
    said = full(memory, waiting, most=10)
    assert said.startswith(word)
    assert bool(said) == bool(word)
    assert not said or "nothing was accepted" in said
