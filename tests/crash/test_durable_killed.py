"""Redis is killed after it answered: with FERRY_DURABLE=fsync nothing that a sender was told is accepted is lost."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis

from queues import keys
from queues.change import decode
from queues.names import Queue
from queues.server.connection import LOCAL, Durability
from tests.support.frozen import freeze_disk, kill_frozen
from tests.support.intake import Intake, known, running
from tests.support.valkey import start_server

QUEUE = Queue("default", "audience", "42")
FSYNC = Durability(fsync=True)


def options(appendfsync: str) -> tuple[str, ...]:
    return ("--appendonly", "yes", "--appendfsync", appendfsync)


def post(intake: Intake, name: str) -> int:
    change = {"action": "add", "email": f"{name}@example.com"}
    body: dict[str, Any] = {"audience": {"id": "42"}, "changes": [change]}
    return intake.post("/v1/changes", body, Idempotency_Key=name).status_code


def kept(folder: Path, *words: str) -> set[str]:
    """The names that a server has which is started with what the killed one left."""
    process, url = start_server(folder, *words)
    with Redis.from_url(url) as redis:
        stored: list[bytes] = redis.lrange(keys.queue(QUEUE, "pending"), 0, -1)
    process.kill()
    process.wait(30)
    return {msgspec.json.decode(decode(each).body.person)["email"].partition("@")[0] for each in stored}


def lost(folder: Path, durable: Durability, appendfsync: str) -> set[str]:
    """The names that were answered 202 while the disk hung, and that a killed server has not any more."""
    folder.mkdir()
    process, url = start_server(folder, *options(appendfsync))
    accepted: set[str] = set()
    with running(known(url, durable=durable)) as intake, Redis.from_url(url) as redis:
        thread = freeze_disk(process)
        for number in range(200):
            if post(intake, f"p{number}") == 202:
                accepted.add(f"p{number}")
            if redis.info("persistence")["aof_buffer_length"]:
                break  # it was answered, and is in no file yet
        kill_frozen(process, thread)
    assert accepted
    return accepted - kept(folder, *options(appendfsync))


def test_while_the_disk_hangs_a_killed_redis_loses_nothing_that_was_confirmed(folder: Path) -> None:
    assert lost(folder / "d", FSYNC, "always") == set()


def test_without_it_the_same_loses_changes_so_that_the_test_above_can_fail(folder: Path) -> None:
    """With everysec a server holds back what it writes while a sync is under way, for two seconds at most: so tries."""
    assert any(lost(folder / str(number), LOCAL, "everysec") for number in range(20))


class Load(threading.Thread):
    """Posts one after the other until the intake refuses; `accepted`: what was answered 202."""

    def __init__(self, intake: Intake, name: str) -> None:
        super().__init__()
        self._intake, self._name = intake, name
        self.accepted: set[str] = set()

    def run(self) -> None:
        number = 0
        while post(self._intake, name := f"{self._name}-{number}") == 202:
            self.accepted.add(name)
            number += 1


@pytest.mark.parametrize("after", [1, 30, 120])
def test_what_was_answered_202_is_there_after_a_kill_under_load(folder: Path, after: int) -> None:
    process, url = start_server(folder, *options("always"))
    with running(known(url, durable=FSYNC)) as intake:
        loads = [Load(intake, f"load-{n}") for n in range(4)]
        for load in loads:
            load.start()
        wait_for(loads, after, process)
        process.kill()
        for load in loads:
            load.join(60)
        process.wait(30)
    accepted: set[str] = set().union(*(load.accepted for load in loads))
    assert len(accepted) >= after
    assert accepted <= kept(folder, *options("always"))


def wait_for(loads: list[Load], changes: int, process: subprocess.Popen[bytes]) -> None:
    while sum(len(load.accepted) for load in loads) < changes:
        assert process.poll() is None
        threading.Event().wait(0.005)
