"""`/readyz` on real servers, each with something else the matter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from queues import keys
from queues.clock import now_ms
from tests.support.intake import Intake, known, running
from tests.support.intake_redis import server


@pytest.fixture
def checks(tmp_path: Path) -> Iterator[tuple[Intake, Redis]]:
    with (
        server(tmp_path, "--appendonly", "yes") as (_, url),
        running(known(url)) as intake,
        Redis.from_url(url) as redis,
    ):
        redis.set(keys.HEARTBEAT, now_ms())
        yield intake, redis


def readiness(intake: Intake) -> tuple[int, dict[str, bool]]:
    response = intake.get("/readyz")
    posted = response.json()
    assert posted["ready"] is (response.status_code == 200)
    assert all(check["remedy"] for check in posted["checks"] if not check["ok"])
    return response.status_code, {check["name"]: check["ok"] for check in posted["checks"]}


def test_all_is_well(checks: tuple[Intake, Redis]) -> None:
    everything = {"redis": True, "scheduler": True, "contents": True, "persistence": True, "eviction": True}
    assert readiness(checks[0]) == (200, everything)


@pytest.mark.parametrize("heartbeat", [None, -31_000])
def test_without_a_scheduler_it_is_not_ready(checks: tuple[Intake, Redis], heartbeat: int | None) -> None:
    intake, redis = checks
    redis.delete(keys.HEARTBEAT)
    if heartbeat is not None:
        redis.set(keys.HEARTBEAT, now_ms() + heartbeat)
    status, found = readiness(intake)
    assert (status, found["scheduler"]) == (503, False)


@pytest.mark.parametrize(("ago", "status"), [(0, 503), (599_000, 503), (600_000, 200)])
def test_a_ledger_that_was_emptied_is_an_alarm_and_stays_a_warning(
    checks: tuple[Intake, Redis], ago: int, status: int
) -> None:
    intake, redis = checks
    redis.set(keys.EMPTIED, now_ms() - ago)
    response = intake.get("/readyz")
    assert response.status_code == status
    (contents,) = (check for check in response.json()["checks"] if check["name"] == "contents")
    assert "was emptied" in contents["detail"]
    assert contents["remedy"]


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [("appendonly", "no", "persistence"), ("maxmemory-policy", "allkeys-lru", "eviction")],
)
def test_a_redis_that_may_lose_changes_is_not_ready(
    checks: tuple[Intake, Redis], name: str, value: str, check: str
) -> None:
    intake, redis = checks
    redis.config_set(name, value)
    status, found = readiness(intake)
    assert (status, found[check]) == (503, False)


def test_a_provider_that_forbids_config_is_a_warning_and_no_failure(tmp_path: Path) -> None:
    with (
        server(tmp_path, "--rename-command", "CONFIG", "") as (_, url),
        running(known(url)) as intake,
        Redis.from_url(url) as redis,
    ):
        redis.set(keys.HEARTBEAT, now_ms())
        posted = intake.get("/readyz").json()
    assert posted["ready"] is True
    (persistence,) = (check for check in posted["checks"] if check["name"] == "persistence")
    assert persistence["detail"].startswith("unknown: ")
    assert persistence["remedy"]


def test_without_redis_it_is_not_ready_and_says_why() -> None:
    with running(known("unix:///nowhere/redis.sock")) as intake:
        assert readiness(intake) == (503, {"redis": False})
