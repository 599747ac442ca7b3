"""Klaviyo throttles several workers at once: each 429 is heeded by all of them, and attempts stay few."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.support import oracle
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.model import Model, address, list_name, message
from tests.support.proxied_system import SIZE, environment
from tests.support.waiting import until
from tests.support.web import Sender

log = logging.getLogger(__name__)

AUDIENCE, BATCHES = "42", 6
REFUSALS = 4
WORKERS = ("worker-1", "worker-2", "worker-3")
IMPORTS = "/api/profile-bulk-import-jobs"


def uploads(klaviyo: Account) -> list[dict[str, Any]]:
    """Every import that workers asked for: `at` (monotonic seconds) and `status`. The first one filled the list."""
    return [call for call in klaviyo.journal() if call["method"] == "POST" and call["path"].rstrip("/") == IMPORTS][1:]


def deliver_all(redis: Redis, klaviyo: Account, known: dict[str, str], folder: Path) -> None:
    """Post everybody, and wait until real processes have delivered all of it and nothing is wrong with that."""
    model = Model()
    with Group(known, folder, "web", "scheduler", *WORKERS) as group:
        sender, sent = Sender(group.port), message(AUDIENCE, "add", range(BATCHES * SIZE))
        sender.post_until_accepted(sent)
        model.accept(sent)
        until(lambda: not oracle.quiet(redis), "all is delivered", 180)
        group.terminate_all()
    assert oracle.conservation(redis, model) + oracle.membership(redis, klaviyo, model) == []


@pytest.fixture
def known(redis_url: str, klaviyo: Account) -> dict[str, str]:
    klaviyo.control("reset")
    klaviyo.has_list(list_name(AUDIENCE), [address(0)])
    return environment(redis_url, klaviyo.url)


def check_heeded(calls: list[dict[str, Any]], retry_after: float) -> int:
    """After a 429, what the other workers had under way may still arrive, one each, and nothing else; how many 429."""
    refused = [call["at"] for call in calls if call["status"] == 429]
    for moment in refused:
        too_early = [call["at"] - moment for call in calls if moment < call["at"] < moment + retry_after]
        assert len(too_early) < len(WORKERS), f"calls {too_early} s after a 429 that said {retry_after} s"
    return len(refused)


def test_no_worker_asks_before_retry_after_is_over(
    redis: Redis, klaviyo: Account, known: dict[str, str], tmp_path: Path
) -> None:
    storm = {"fault": "429", "times": REFUSALS, "retry_after": 2}
    klaviyo.control("faults", **storm, match={"method": "POST", "path": IMPORTS})
    deliver_all(redis, klaviyo, known, tmp_path)
    calls = uploads(klaviyo)
    assert check_heeded(calls, 2) == REFUSALS
    assert len(calls) == BATCHES + REFUSALS, "each batch is uploaded once, and each refusal costs one call"


def test_limits_far_below_the_published_ones_cost_each_worker_a_call_a_window(
    redis: Redis, klaviyo: Account, known: dict[str, str], tmp_path: Path
) -> None:
    klaviyo.control("limits", scale=0.1)
    deliver_all(redis, klaviyo, known, tmp_path)
    calls = uploads(klaviyo)
    seconds = calls[-1]["at"] - calls[0]["at"]
    log.warning("%d calls for %d batches in %.1f s", len(calls), BATCHES, seconds)
    assert len(calls) <= BATCHES + len(WORKERS) * (seconds + 1)
