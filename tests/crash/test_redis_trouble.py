"""Redis hangs, pauses, forgets its scripts, or is emptied, while everything runs."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from queues import pending
from queues.clock import now_ms
from queues.pending import all_queues
from tests.support import oracle
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.load import Load, sending
from tests.support.model import Model, address, list_name, message
from tests.support.proxied_system import SIZE, environment
from tests.support.valkey import start_server
from tests.support.waiting import apart, until
from tests.support.web import Sender

log = logging.getLogger(__name__)

PROCESSES = ("web", "scheduler", "worker-1", "worker-2")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    process, url = start_server(tmp_path, "--appendonly", "yes")
    yield process, url
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait(30)


def hang(process: subprocess.Popen[bytes], sender: Sender, model: Model) -> None:
    """For longer than the intake waits for an answer, and shorter than a worker does."""
    sent = message("1", "add", [200])
    process.send_signal(signal.SIGSTOP)
    assert sender.post(sent) == 503
    apart(2)
    process.send_signal(signal.SIGCONT)
    sender.post_until_accepted(sent)
    model.accept(sent)


def trouble(redis: Redis, chance: random.Random, hang: Callable[[], None]) -> None:
    """One hang, and pauses and forgotten scripts around it."""
    deeds: list[Callable[[], Any]] = [hang]
    deeds += [lambda: redis.client_pause(1_500, all=True), redis.script_flush] * 3
    chance.shuffle(deeds)
    for deed in deeds:
        deed()
        apart(chance.uniform(0.1, 0.8))


def drained(redis: Redis) -> bool:
    for queue in all_queues(redis):
        pending.flush(redis, queue, now_ms())
    return oracle.quiet(redis) == []


def test_a_redis_that_hangs_pauses_and_forgets_its_scripts_costs_time_only(
    server: tuple[subprocess.Popen[bytes], str], klaviyo: Account, tmp_path: Path
) -> None:
    process, url = server
    seed = int(os.environ.get("SOAK_SEED") or random.randrange(1_000_000))
    log.warning("seed %d", seed)
    klaviyo.control("reset")
    model = Model()
    with ExitStack() as stack:
        redis = stack.enter_context(Redis.from_url(url))
        known = {**environment(url, klaviyo.url), "FERRY_FLUSH_SIZE": "20"}
        group = stack.enter_context(Group(known, tmp_path, *PROCESSES))
        sender = Sender(group.port)
        loads = [Load(sender, model, range(n, n + 50), random.Random(seed + n), 0.1) for n in (0, 50)]
        with sending(loads):
            trouble(redis, random.Random(seed), lambda: hang(process, sender, model))
        until(lambda: drained(redis), "what was accepted is delivered, without help")
        log.warning("answers %s, %d changes", dict(sender.answers), model.accepted.total())
        assert sender.answers.keys() == {202, 503}, "never a 500, and never no answer"
        assert all(group.runs(name) for name in PROCESSES), "none of this is worth ending for"
        oracle.check(redis, klaviyo, model)


def contents(group: Group) -> dict[str, Any]:
    checks = requests.get(f"http://127.0.0.1:{group.port}/readyz", timeout=30).json()["checks"]
    found: dict[str, Any] = next(check for check in checks if check["name"] == "contents")
    return found


def test_a_ledger_that_is_emptied_is_an_alarm_and_what_comes_then_is_delivered(
    redis: Redis, redis_url: str, klaviyo: Account, tmp_path: Path
) -> None:
    klaviyo.control("reset")
    with Group(environment(redis_url, klaviyo.url), tmp_path, "web", "scheduler", "worker") as group:
        sender = Sender(group.port)
        sender.post_until_accepted(message("42", "add", range(SIZE)))
        until(lambda: len(klaviyo.members(list_name("42"))) == SIZE, "the first are delivered")
        assert contents(group)["ok"]
        sender.post_until_accepted(message("42", "add", [100]))
        redis.flushall()
        until(lambda: "the ledger was emptied" in group.log("scheduler"), "the alarm")
        until(lambda: not contents(group)["ok"], "readiness says so")
        sender.post_until_accepted(message("42", "add", range(10, 10 + SIZE)))
        then = {address(n) for n in [*range(SIZE), *range(10, 10 + SIZE)]}
        until(lambda: klaviyo.members(list_name("42")) == then, "what came afterwards is delivered")
        assert group.log("scheduler").count("the ledger was emptied") == 1
