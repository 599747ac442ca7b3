"""Errors of real processes reach Sentry, here a receiver on this machine, without anything of a person."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from queues import doorbell
from queues.clock import now_ms
from tests.support import canaries as c
from tests.support.group import Group
from tests.support.intake import Intake
from tests.support.ops import ferry_process
from tests.support.paths import ROOT
from tests.support.sentry import receiving
from tests.support.waiting import until
from tests.support.world import World

DEFECTIVE = "tests.support.defective"


def environment(world: World, redis_url: str, dsn: str) -> dict[str, str]:
    return {
        "REDIS_URL": redis_url,
        "KLAVIYO_BASE_URL": world.klaviyo,
        "KLAVIYO_API_KEY": c.API_KEY,
        "FERRY_TOKENS": f"m:{c.TOKEN}",
        "FERRY_SECRET_KEY": c.SECRET,
        "FERRY_LOG_FORMAT": "json",
        "SENTRY_DSN": dsn,
        "NO_PROXY": "127.0.0.1",
    }


def lines(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


def functions(event: dict[str, Any], number: int = -1) -> list[str]:
    return [frame["function"] for frame in event["exception"]["values"][number]["stacktrace"]["frames"]]


def test_a_delivery_that_breaks_down_is_told_with_its_batch_and_place(
    world: World, redis_url: str, tmp_path: Path
) -> None:
    world.change("add", {"email": c.ANN, "phone": c.PHONE})
    batch_id = world.take()
    doorbell.ring(world.redis, [batch_id], now_ms())
    with receiving() as sentry:
        with Group(environment(world, redis_url, sentry.dsn), tmp_path, "worker", module=DEFECTIVE) as group:
            until(lambda: bool(sentry.events), "the event of a process that has ended")
            group.terminate_all()
            log = group.log("worker")
        (event,) = sentry.events
    assert event["release"] == version("ferry-klaviyo")
    assert event["tags"] == {"process": "worker", "batch": batch_id}
    assert event["logger"] == "worker.main"
    assert event["logentry"]["formatted"].startswith(f"batch {batch_id}: RuntimeError in upload")
    assert [each["type"] for each in event["exception"]["values"]] == ["KeyError", "RuntimeError"]
    assert functions(event)[-1] == "upload"
    assert [body for body in sentry.bodies if c.marks(body)] == []
    assert sentry.others == []
    (told,) = (line for line in lines(log) if line["level"] == "ERROR")
    assert told["exception"].startswith("RuntimeError < ")
    assert (told["batch"], told["process"]) == (batch_id, "worker")
    assert c.marks(log) == set()


def test_a_defect_of_the_intake_is_told_with_its_request(world: World, redis_url: str, tmp_path: Path) -> None:
    with receiving() as sentry:
        with Group(environment(world, redis_url, sentry.dsn), tmp_path, "web", module=DEFECTIVE) as group:
            answer = Intake(group.port).post("/v1/changes", {"email": c.ANN}, c.TOKEN, X_Request_ID="router-0123456789")
            until(lambda: bool(sentry.events), "the event")
            group.terminate_all()
            log = group.log("web")
        (event,) = sentry.events
    assert answer.status_code == 500
    assert event["tags"] == {"process": "web", "request": "router-0123456789"}
    assert "a defect in Ferry, RuntimeError" in event["logentry"]["formatted"]
    assert [line["request"] for line in lines(log) if line["level"] == "ERROR"] == ["router-0123456789"]
    assert c.marks(log) == set()
    assert [body for body in sentry.bodies if c.marks(body)] == []


def test_whoever_has_a_dsn_and_no_fault_tells_nothing(world: World, redis_url: str, tmp_path: Path) -> None:
    world.change("add", c.ANN)
    with receiving() as sentry:
        names = ("scheduler", "worker")
        with Group(environment(world, redis_url, sentry.dsn), tmp_path, *names) as group:
            doorbell.ring(world.redis, [world.take()], now_ms())
            until(lambda: world.counts()["delivered"] == 1)
            group.terminate_all()
    assert (sentry.bodies, sentry.others) == ([], [])


def run(program: str, dsn: str) -> str:
    """What a program says on stderr that has the logs of a scheduler, and an address for its argument."""
    env = {**os.environ, "SENTRY_DSN": dsn, "NO_PROXY": "127.0.0.1"}
    command = [
        sys.executable,
        "-c",
        f"import sys; from logs import setup; setup.configure('scheduler'); {program}",
        c.ANN,
    ]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False).stderr


def test_an_exception_that_ends_a_process_is_told_before_it_is_gone() -> None:
    with receiving() as sentry:
        said = run("raise ValueError(sys.argv[1])", sentry.dsn)
        (event,) = sentry.events
    assert (event["exception"]["values"][0]["type"], event["tags"]) == ("ValueError", {"process": "scheduler"})
    assert c.marks(sentry.bodies[0]) == set()
    assert "Sentry" not in said


def test_what_was_told_is_out_when_the_handler_is_flushed_even_if_the_process_ends_like_a_delivery() -> None:
    with receiving() as sentry:
        run(
            "import logging, os; logging.error('x'); [h.flush() for h in logging.root.handlers]; os._exit(0)",
            sentry.dsn,
        )
        (event,) = sentry.events
    assert event["logentry"]["formatted"] == "x"


@pytest.mark.parametrize("dsn", ["not a dsn", "https://example.com/1"])
def test_a_wrong_dsn_ends_the_process_at_its_start(redis_url: str, tmp_path: Path, dsn: str) -> None:
    told = ferry_process(redis_url, tmp_path, "scheduler", SENTRY_DSN=dsn)
    assert (told.returncode, "SENTRY_DSN: not a valid DSN" in told.stderr) == (2, True)


def test_without_a_dsn_nothing_of_sentry_is_imported() -> None:
    program = (
        "import sys; from logs import setup; setup.configure('web'); print(*(m for m in sys.modules if 'sentry' in m))"
    )
    env = {"PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
