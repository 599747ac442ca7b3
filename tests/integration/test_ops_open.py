"""`ferry open` and `ferry health`, beside a group that runs and without one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from redis import Redis

from local import group_files, ports
from queues import keys
from queues.clock import now_ms
from tests.support.ops import NOWHERE, ferry
from tests.support.up import HurriedUp
from tests.support.waiting import until


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HurriedUp]:
    up = HurriedUp(tmp_path_factory.mktemp("open") / "var")
    try:
        up.wait_until_up()
        yield up
    finally:
        up.end()


def test_the_link_that_it_prints_signs_in(group: HurriedUp) -> None:
    told = group.ferry("open")
    assert told.returncode == 0, told.stderr
    assert f"Console   http://localhost:{group.port}/\n" in told.stdout
    (link,) = re.findall(r"Sign in   (\S+)", told.stdout)
    browser = requests.Session()
    browser.headers["Accept"] = "text/html"
    page = browser.get(link, timeout=30).text
    (token,) = re.findall(r'name="link" value="([^"]+)"', page)
    answer = browser.post(f"http://localhost:{group.port}/sign-in", {"link": token}, timeout=30)
    assert (answer.status_code, "<strong>admin</strong>" in answer.text) == (200, True)
    secrets = group_files.read(group.var)
    assert secrets["FERRY_ADMIN_TOKEN"] not in told.stdout


def test_programs_get_both_addresses(group: HurriedUp) -> None:
    told = json.loads(group.ferry("open", "--json").stdout)
    assert (told["console"], told["seconds"]) == (f"http://localhost:{group.port}/", 60)
    assert told["sign_in"].startswith(f"http://localhost:{group.port}/sign-in?link=ferry_")


def test_each_process_of_a_running_group_is_well(group: HurriedUp) -> None:
    until(lambda: group.ferry("health", "worker").returncode == 0)
    for process in ("web", "scheduler", "worker"):
        told = group.ferry("health", process)
        assert (told.returncode, told.stdout.count("\n")) == (0, 1), told.stdout + told.stderr
        assert told.stdout.startswith(f"{process}: ")
    assert json.loads(group.ferry("health", "web", "--json").stdout)["healthy"] is True


def test_without_a_web_process_it_says_what_to_do(redis_url: str, tmp_path: Path) -> None:
    port = str(ports.any_free())
    told = ferry(redis_url, tmp_path, "open", PORT=port)
    assert (told.exit_code, f"no web process answers on port {port}" in told.stderr) == (1, True)
    file = tmp_path / "connections.toml"
    file.write_text('[alerts]\nslack_url_env = "SLACK"\nconsole_url = "https://ferry.example.com/"\n')
    elsewhere = {"FERRY_CONNECTIONS": str(file), "SLACK": "https://hooks.example.com/x"}
    told = ferry(redis_url, tmp_path, "open", PORT=port, FERRY_ADMIN_TOKEN="x" * 32, **elsewhere)
    assert told.stdout.startswith("Console   https://ferry.example.com/\nSign in with your token")


@pytest.mark.parametrize(
    ("process", "says"),
    [
        ("web", "web: no answer on port"),
        ("scheduler", "scheduler: no scheduler has ticked lately"),
        ("worker", "worker: none is registered on"),
    ],
)
def test_a_process_that_is_missing_is_not_well(redis_url: str, tmp_path: Path, process: str, says: str) -> None:
    told = ferry(redis_url, tmp_path, "health", process, PORT=str(ports.any_free()))
    assert (told.exit_code, told.stdout.startswith(says), told.stdout.count("\n")) == (1, True, 1), told.output


def test_a_scheduler_that_stopped_ticking_is_not_well(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    redis.set(keys.HEARTBEAT, now_ms() - 1_000)
    assert ferry(redis_url, tmp_path, "health", "scheduler").exit_code == 0
    redis.set(keys.HEARTBEAT, now_ms() - 31_000)
    told = ferry(redis_url, tmp_path, "health", "scheduler")
    assert (told.exit_code, "last ticked 31 s ago" in told.stdout) == (1, True)


@pytest.mark.parametrize("process", ["scheduler", "worker"])
def test_without_redis_the_line_says_so(tmp_path: Path, process: str) -> None:
    told = ferry(NOWHERE, tmp_path, "health", process)
    assert (told.exit_code, told.stdout.count("\n")) == (1, 1)
    assert "Redis at redis://127.0.0.1:1/0 cannot be used" in told.stdout
    assert "s3cret" not in told.output
