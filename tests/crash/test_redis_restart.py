"""Redis is killed and started again under load: the intake says so meanwhile, and nothing accepted is lost."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from configuration import settings
from tests.support import oracle
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.model import Model, address, list_name, message
from tests.support.proxied_system import environment
from tests.support.recovery import let_time_pass, recover
from tests.support.valkey import start_server
from tests.support.waiting import apart, until
from tests.support.web import Sender
from worker.process import settings_of_process

log = logging.getLogger(__name__)

#: With everysec a server holds its file's next bytes back while the disk is busy, and answers all the same.
APPEND_ONLY = ("--appendonly", "yes", "--appendfsync", "always")


class Server:
    """A server that its append-only file brings back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.process, self.url = start_server(folder, *APPEND_ONLY)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def start(self) -> None:
        self.process, _ = start_server(self._folder, *APPEND_ONLY)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = Server(folder)
    yield server
    server.kill()


class Load(threading.Thread):
    """Posts messages one after the other, each until it is accepted."""

    def __init__(self, sender: Sender, model: Model) -> None:
        super().__init__()
        self._sender, self._model, self._over = sender, model, threading.Event()

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        number = 0
        while not self._over.is_set():
            start = number % 20
            sent = message(str(number % 3), "remove" if number % 5 == 0 else "add", range(start, start + 3))
            self._sender.post_until_accepted(sent)
            self._model.accept(sent)
            number += 1
            apart(0.05)


def test_redis_killed_under_load_loses_nothing_and_delivery_goes_on(
    server: Server, klaviyo: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = random.randrange(1000)
    log.warning("seed %d", seed)
    chance = random.Random(seed)
    klaviyo.control("reset")
    model, known = Model(), {**environment(server.url, klaviyo.url), "FERRY_FLUSH_SIZE": "20"}
    with Group(known, tmp_path, "web", "scheduler", "worker-1", "worker-2") as group:
        sender = Sender(group.port)
        with Load(sender, model):
            for number in range(4):
                apart(chance.uniform(0.2, 1.2))
                server.kill()
                sent = message("meanwhile", "add", [number])
                assert sender.post(sent) == 503
                apart(chance.uniform(0.2, 1.5))
                server.start()
                group.revive()
                sender.post_until_accepted(sent)
                model.accept(sent)
        log.warning("answers %s, processes started again: %d", dict(sender.answers), group.restarts)
        assert sender.answers.keys() == {202, 503}, "never a 500, and never no answer"
        delivered_without_help(group, sender, model, klaviyo)
        group.terminate_all()
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    settings_of_process.cache_clear()
    with Redis.from_url(server.url) as redis:
        assert oracle.balance(redis) == []
        let_time_pass(redis)
        recover(redis, settings.load().connections)
        oracle.check(redis, klaviyo, model)
    settings_of_process.cache_clear()


def delivered_without_help(group: Group, sender: Sender, model: Model, klaviyo: Account) -> None:
    """What is accepted once the faults have ended goes through, without waiting for a lease of the past."""
    sent = message("fresh", "add", range(20))
    sender.post_until_accepted(sent)
    model.accept(sent)
    began = time.monotonic()

    def delivered() -> bool:
        group.revive()
        return klaviyo.members(list_name("fresh")) == {address(n) for n in range(20)}

    until(delivered, "new changes are delivered")
    log.warning("new changes went through after %.1f s", time.monotonic() - began)
