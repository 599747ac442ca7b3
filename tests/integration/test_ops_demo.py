from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from redis import Redis

from commands.demo_steps import AUDIENCES, Demo, expected
from configuration.connections import Connections
from configuration.settings import Settings, Token
from emulator.server import running
from local.group import LocalGroup
from local.group_files import GroupLock
from local.running import Running
from local.supervisor import Supervisor
from ops.errors import Failed
from ops.output import console
from tests.support.forked import Forked
from tests.support.ops import environment, ferry_process
from tests.support.waiting import apart, until

KEY = {"Authorization": "Klaviyo-API-Key pk_test", "revision": "2026-10-15"}


def test_the_demo_does_the_main_job_and_checks_it(tmp_path: Path) -> None:
    # Settings for real use must neither leak into the demo nor be written to; nor may a proxy be asked for it.
    real = {"KLAVIYO_BASE_URL": "https://klaviyo.invalid", "HTTP_PROXY": "http://127.0.0.1:1"}
    told = ferry_process("redis://127.0.0.1:1/0", tmp_path, "demo", TMPDIR=str(tmp_path), **real)
    assert told.returncode == 0, told.stdout + told.stderr
    text = " ".join(told.stdout.split())
    assert "250 accepted = 50 pending + 0 open + 200 delivered + 0 dead + 0 superseded" in text
    assert "261 accepted = 0 pending + 0 open + 255 delivered + 1 dead + 5 superseded" in text
    assert "1 dead letter: 1 no_email." in text
    assert "VIP customers: 120 people on the list, 120 expected" in text
    assert "No difference." in text
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_the_demo_cleanly(tmp_path: Path) -> None:
    said, errors = tmp_path.with_suffix(".out"), tmp_path.with_suffix(".err")
    command = [sys.executable, "-m", "tests.support.hurried", "demo"]
    with said.open("wb") as out, errors.open("wb") as err:
        demo = Forked(command, environment(None, tmp_path, TMPDIR=str(tmp_path)), out.fileno(), err.fileno())
    until(lambda: "posts 250 changes" in said.read_text() or demo.poll() is not None)
    apart(0.5)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(90) == 1
    assert errors.read_text().endswith("Error: stopped; all processes have ended\n")
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert str(tmp_path) not in processes
    assert list(tmp_path.iterdir()) == []


def test_the_demo_fails_with_the_difference_where_there_is_one(redis: Redis, tmp_path: Path) -> None:
    first, second = AUDIENCES
    with running(job_seconds=0.0, limits_off=True) as klaviyo, requests.Session() as http:
        for name in AUDIENCES:
            people = (
                sorted(expected(name)) if name == second else [*sorted(expected(first))[1:], "stranger@example.com"]
            )
            fill(http, klaviyo, name, people)
        port = int(klaviyo.rpartition(":")[2])
        group = LocalGroup(tmp_path, "127.0.0.1", 1, 1, None, port)
        settings = Settings("redis://unused", Connections({}), tokens=(Token("t", "t"),))
        story = Demo(Running(group, settings, Supervisor([], {}, GroupLock(-1, tmp_path))), redis, http, console())
        with pytest.raises(Failed) as fault:
            story.compare()
    missing = min(expected(first))
    assert fault.value.message == (
        "Klaviyo's lists differ from the posted changes:\n"
        f"  {first}: {missing} is missing\n"
        f"  {first}: stranger@example.com should not be there"
    )


def fill(http: requests.Session, klaviyo: str, name: str, people: list[str]) -> None:
    """Make a list with these people on it."""
    body = {"data": {"type": "list", "attributes": {"name": name}}}
    list_id = http.post(f"{klaviyo}/api/lists", json=body, headers=KEY, timeout=30).json()["data"]["id"]
    rows = [{"type": "profile", "attributes": {"email": person}} for person in people]
    job = {
        "type": "profile-bulk-import-job",
        "attributes": {"profiles": {"data": rows}},
        "relationships": {"lists": {"data": [{"type": "list", "id": list_id}]}},
    }
    answer = http.post(f"{klaviyo}/api/profile-bulk-import-jobs", json={"data": job}, headers=KEY, timeout=30)
    assert answer.status_code == 202, answer.text
