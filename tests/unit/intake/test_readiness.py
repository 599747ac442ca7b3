"""What `/readyz` makes of what Redis says."""

from __future__ import annotations

from typing import Any

import pytest

from intake.readiness import eviction, persistence_check, scheduler

NOW = 1_800_000_000_000
OLD_NEWS = {"rdb_last_save_time": 1}


@pytest.mark.parametrize(
    ("age", "ok"), [(0, True), (29_999, True), (30_000, False), (86_400_000, False), (-5_000, True)]
)
def test_a_scheduler_that_has_not_ticked_for_thirty_seconds_is_dead(age: int, ok: bool) -> None:
    check = scheduler(str(NOW - age).encode(), NOW)
    assert check.ok is ok
    assert bool(check.remedy) is not ok


def test_no_heartbeat_at_all_is_no_scheduler() -> None:
    assert not scheduler(None, NOW).ok


@pytest.mark.parametrize(
    ("info", "config", "ok", "detail", "has_remedy"),
    [
        ({"aof_enabled": 1}, {"appendfsync": "everysec"}, True, "fsync everysec", False),
        ({"aof_enabled": 1}, None, True, "fsync unknown", False),
        ({"aof_enabled": 1}, {"appendfsync": "no"}, True, "fsync no", True),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, None, False, "failed", True),
        ({"aof_enabled": 0}, {"save": "3600 1"}, True, "snapshots only", True),
        ({"aof_enabled": 0}, {"save": ""}, False, "loses all", True),
        ({"aof_enabled": 0} | OLD_NEWS, None, True, "unknown", True),
    ],
)
def test_persistence(
    info: dict[str, Any], config: dict[str | None, str | None] | None, ok: bool, detail: str, has_remedy: bool
) -> None:
    check = persistence_check(info, config)
    assert check.ok is ok
    assert detail in check.detail
    assert bool(check.remedy) is has_remedy


@pytest.mark.parametrize(
    ("info", "config", "ok", "detail"),
    [
        ({"maxmemory_policy": "noeviction"}, None, True, "noeviction"),
        ({"maxmemory_policy": "allkeys-lru"}, None, False, "deletes accepted changes"),
        ({}, {"maxmemory-policy": "volatile-lru"}, False, "deletes accepted changes"),
        ({}, None, True, "unknown"),
    ],
)
def test_eviction(info: dict[str, Any], config: dict[str | None, str | None] | None, ok: bool, detail: str) -> None:
    check = eviction(info, config)
    assert check.ok is ok
    assert detail in check.detail
