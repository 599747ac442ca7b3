"""A machine whose clock is off goes by Redis's, and is named."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from redis import Redis

from console.auth.roles import Role
from ops.checks.redis_server import redis_checks
from ops.verdict import judge
from queues import batches, clock, keys
from queues.census import take_census
from queues.server.connection import LOCAL, connect_async
from tests.support.console import Console
from tests.support.group import Group
from tests.support.ops import environment, ferry, put, take
from tests.support.pages import said
from tests.support.paths import ROOT
from tests.support.waiting import until

HOST = socket.gethostname()
#: ms by which the machine is ahead: more than a lease lasts.
OFF = 155_000
#: Python imports it when a process starts.
_AHEAD = f"""
import time
seconds, nanoseconds = time.time, time.time_ns
time.time = lambda: seconds() + {OFF // 1000}
time.time_ns = lambda: nanoseconds() + {OFF * 1_000_000}
"""


def plain(text: str) -> str:
    """The text with one ordinary space between two words."""
    return " ".join(text.split())


@pytest.fixture
def shifted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the machine's clock, and what is known of it is forgotten afterwards."""
    real = time.time_ns
    monkeypatch.setattr(clock._Correction, "ms", 0)
    monkeypatch.setattr(clock._Correction, "noted", False)
    return lambda off: monkeypatch.setattr(time, "time_ns", lambda: real() + off * 1_000_000)


@pytest.mark.parametrize("off", [OFF, -OFF])
def test_a_lease_of_a_machine_whose_clock_is_off_is_one_by_rediss_clock(
    redis: Redis, shifted: Callable[[int], None], off: int
) -> None:
    put(redis, *(f"p{number}@example.com" for number in range(100)))
    batch_id = take(redis)
    assert batch_id is not None
    right = clock.now_ms()
    shifted(off)
    clock.follow(redis)
    batch = batches.reclaim(redis, batch_id, clock.now_ms(), 90_000)
    assert batch is not None
    shifted(0)
    clock.follow(redis)
    assert batches.reclaim(redis, batch_id, right + 60_000, 90_000) is None, "the lease lasts"
    assert batches.reclaim(redis, batch_id, right + 120_000, 90_000) is not None, "and no longer than others'"


def test_it_is_named_until_it_is_right_again(
    redis: Redis, redis_url: str, shifted: Callable[[int], None], tmp_path: Path
) -> None:
    def seen() -> tuple[list[str], str]:
        causes = [plain(cause.text) for cause in judge(take_census(redis)).causes]
        (check,) = (check for check in redis_checks(redis, LOCAL) if check.name == "clocks")
        return [text for text in causes if "clock" in text], plain(check.detail)

    shifted(OFF)
    clock.follow(redis)
    causes, detail = seen()
    assert causes == [f"The clock of {HOST} is off: 2 min ahead of Redis's."]
    assert detail == f"{HOST}: 2 min ahead of Redis's"
    assert f"The clock of {HOST} is off" in plain(ferry(redis_url, tmp_path, "status").output)
    shifted(0)
    clock.follow(redis)
    assert seen() == ([], "within 5 s of Redis's")
    assert not redis.exists(keys.CLOCKS)


def test_the_page_names_the_machine_of_a_process_whose_clock_is_off(
    redis: Redis, redis_url: str, served: Console, tmp_path: Path
) -> None:
    put(redis, "ann@example.com")
    (tmp_path / "sitecustomize.py").write_text(_AHEAD)
    started = environment(redis_url, tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    with Group(started, tmp_path, "scheduler"):
        until(lambda: bool(redis.exists(keys.CLOCKS)), "a comparison with Redis's clock")
    page = unescape(said(served.browser(Role.VIEWER).get(served.url, timeout=30).text))
    assert f"The clock of {HOST} is off 2 min ahead of Redis's. Ferry goes by Redis's clock meanwhile." in page


def test_the_intake_notes_it_too_and_a_command_only_corrects(
    redis: Redis, redis_url: str, shifted: Callable[[int], None]
) -> None:
    async def follow() -> None:
        async with connect_async(redis_url) as client:
            await clock.follow_async(client)

    right = clock.now_ms()
    shifted(-OFF)
    clock.follow(redis, notes=False)
    assert not redis.exists(keys.CLOCKS)
    asyncio.run(follow())
    assert set(clock.machines_off(redis)) == {HOST}
    assert abs(clock.now_ms() - right) < 60_000


def test_a_small_difference_changes_nothing(redis: Redis, shifted: Callable[[int], None]) -> None:
    shifted(900)
    clock.follow(redis)
    assert clock._Correction.ms == 0
    assert not redis.exists(keys.CLOCKS)


def test_a_full_redis_does_not_stop_the_comparison(redis: Redis, shifted: Callable[[int], None]) -> None:
    used = redis.info("memory")["used_memory"]
    shifted(OFF)
    try:
        redis.config_set("maxmemory", used // 2)
        assert clock.follow(redis) > 100_000
    finally:
        redis.config_set("maxmemory", 0)
