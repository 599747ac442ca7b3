"""Several masters count as the worst of them, whichever is asked first."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any, Final

from queues.server.nodes import weakest, worst

ONLINE: Final = {"state": "online"}
GOOD: Final[Mapping[str, Any]] = {
    "redis_version": "8.0.1",
    "used_memory": 50,
    "maxmemory": 100,
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "maxmemory_policy": "noeviction",
    "slave0": ONLINE,
}


def merged(*infos: Mapping[str, Any]) -> dict[str, Any]:
    """The same answer in whatever order."""
    (first, *others) = [worst(each) for each in permutations(infos)]
    assert all(each == first for each in others)
    return first


def test_one_master_is_itself() -> None:
    assert merged(GOOD) == dict(GOOD)


def test_the_fullest_counts_and_not_the_largest() -> None:
    found = merged(GOOD, {**GOOD, "used_memory": 900, "maxmemory": 10_000}, {**GOOD, "used_memory": 9, "maxmemory": 10})
    assert (found["used_memory"], found["maxmemory"]) == (9, 10)


def test_the_oldest_version_counts_as_a_number() -> None:
    assert merged({**GOOD, "redis_version": "10.0"}, {**GOOD, "redis_version": "7.2.9"})["redis_version"] == "7.2.9"


def test_what_one_master_lacks_all_lack() -> None:
    bad = {**GOOD, "used_memory": 1, "aof_enabled": 0, "maxmemory_policy": "allkeys-lru"}
    del bad["slave0"]
    found = merged(GOOD, bad, GOOD)
    assert (found["aof_enabled"], found["maxmemory_policy"], found["used_memory"]) == (0, "allkeys-lru", 50)
    assert "slave0" not in found, "a master without a replica"


def test_an_append_only_file_that_cannot_be_written_counts() -> None:
    assert merged(GOOD, {**GOOD, "aof_last_write_status": "err"})["aof_last_write_status"] == "err"


def test_one_section_has_its_figures_only() -> None:
    assert merged({"used_memory": 1, "maxmemory": 0}, {"used_memory": 2, "maxmemory": 0}) == {
        "used_memory": 2,
        "maxmemory": 0,
    }


def test_the_least_safe_settings_count() -> None:
    safe = {"appendfsync": "always", "maxmemory-policy": "noeviction", "save": "900 1"}
    for other in ({"appendfsync": "no"}, {"maxmemory-policy": "allkeys-lru"}, {"save": ""}):
        for pair in permutations(({**safe, **other}, safe)):
            assert weakest(pair) == {**safe, **other}
    assert weakest([{}, {}]) == {}, "a provider that shows none of them"
