"""The machine of Redis loses power while everything runs: what the disk holds is whole, and is brought to its end."""

from __future__ import annotations

import logging
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from configuration import settings
from queues import keys
from queues.census import count
from queues.pending import all_queues
from tests.support import aof, oracle
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.load import Load, sending
from tests.support.local_system import lift_limits
from tests.support.model import Model
from tests.support.proxied_system import environment
from tests.support.recovery import open_batches, recover
from tests.support.valkey import start_server
from tests.support.waiting import until
from tests.support.web import Sender
from worker.process import settings_of_process

log = logging.getLogger(__name__)

#: Written and synchronised before anything is answered, so that what was answered must be in every copy.
OPTIONS = (*aof.OPTIONS, "--appendfsync", "always", "--aof-load-truncated", "yes")
COPIES = 6
#: Changes answered between two copies, at least and about at most.
BETWEEN_COPIES = (20, 100)
#: A change in the file takes more bytes than this, and a message of this load has no more changes.
LEAST_BYTES, MOST_CHANGES = 100, 6


@dataclass(frozen=True)
class Copy:
    """What the disk held at one moment. `answered`: changes answered with 202 before it."""

    folder: Path
    answered: int

    def put(self, folder: Path) -> None:
        """Lay it where a server finds it, which will write on."""
        shutil.copytree(self.folder / "appendonlydir", folder / "appendonlydir")


@pytest.fixture(scope="module")
def chance() -> random.Random:
    seed = int(os.environ.get("SOAK_SEED") or random.randrange(1_000_000))
    log.warning("seed %d", seed)
    return random.Random(seed)


@pytest.fixture(scope="module")
def copies(chance: random.Random, klaviyo: Account, tmp_path_factory: pytest.TempPathFactory) -> list[Copy]:
    """Of a busy run, at random moments."""
    folder, model = tmp_path_factory.mktemp("busy"), Model()
    klaviyo.control("reset")
    with served(folder) as (redis, url), ExitStack() as stack:
        group = stack.enter_context(
            Group(environment_of(url, klaviyo), folder, "web", "scheduler", "worker-1", "worker-2")
        )
        sender = Sender(group.port)
        loads = [Load(sender, model, range(n, n + 500), random.Random(n), 0.02) for n in (0, 500)]
        found = []
        with sending(loads):
            for number in range(COPIES):
                # So many changes later, not so many seconds: a slow machine has as much to lose as a fast one.
                answered = wait_until_answered(model, model.accepted.total() + chance.randint(*BETWEEN_COPIES), loads)
                to = folder / f"copy-{number}"
                shutil.copytree(folder / "appendonlydir", to / "appendonlydir")
                found.append(Copy(to, answered))
        assert redis.info("persistence")["aof_rewrite_in_progress"] == 0, "a copy may miss a file"
    return found


def wait_until_answered(model: Model, changes: int, loads: list[Load], seconds: float = 120.0) -> int:
    """Return when so many changes were answered with 202; how many there are."""

    def answered() -> bool:
        assert all(load.is_alive() for load in loads), "a sender gave up"
        return model.accepted.total() >= changes

    until(answered, f"{changes} changes are answered", seconds)
    return model.accepted.total()


def environment_of(url: str, klaviyo: Account) -> dict[str, str]:
    return {**environment(url, klaviyo.url), "FERRY_FLUSH_SIZE": "20", "FERRY_UPLOAD_MAX": "100"}


@contextmanager
def served(folder: Path) -> Iterator[tuple[Redis, str]]:
    """A server on what is in the folder."""
    process, url = start_server(folder, *OPTIONS)
    try:
        with Redis.from_url(url) as redis:
            yield redis, url
    finally:
        process.kill()
        process.wait(30)


def stored(redis: Redis) -> int:
    return sum(found.accepted for found in count(redis, all_queues(redis)))


def half_taken(redis: Redis) -> list[str]:
    """Batches and queues that do not agree on what was taken."""
    wrong = []
    for batch_id in open_batches(redis):
        changes, promised = redis.llen(keys.batch(batch_id, "changes")), redis.hget(keys.batch(batch_id), "count")
        if not changes or changes != int(promised or 0):
            wrong.append(f"batch {batch_id} has {changes} changes of {promised!r}")
    for found in count(redis, all_queues(redis)):
        taken = [change for batch in found.batches for change in _changes(redis, batch.id)]
        persons = {change[at : at + 16] for change in taken for at in range(14, 14 + 16 * int(change[:1]), 16)}
        if found.open != len(taken) or persons != redis.smembers(keys.queue(found.queue, "open")):
            wrong.append(f"{found.queue}: {found.open} changes count as open, {len(taken)} are")
    return wrong


def _changes(redis: Redis, batch_id: str) -> list[bytes]:
    return cast("list[bytes]", redis.lrange(keys.batch(batch_id, "changes"), 0, -1))


@pytest.mark.parametrize("number", range(COPIES))
def test_what_the_disk_holds_is_whole_and_is_brought_to_its_end(
    chance: random.Random,
    copies: list[Copy],
    number: int,
    klaviyo: Account,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    copy = copies[number]
    copy.put(tmp_path)
    with served(tmp_path) as (redis, _):
        whole = stored(redis)
        assert whole >= copy.answered, "what was answered with 202 is missing"
        assert oracle.balance(redis) + half_taken(redis) == []
    file = aof.log_of(tmp_path)
    cut = min(file.stat().st_size, chance.choice([1, chance.randint(1, 300), chance.randint(300, 30_000)]))
    os.truncate(file, file.stat().st_size - cut)
    with served(tmp_path) as (redis, url):
        left = stored(redis)
        log.warning("%d changes stored, %d answered; %d left without %d bytes", whole, copy.answered, left, cut)
        assert whole - left <= MOST_CHANGES + cut / LEAST_BYTES
        assert oracle.balance(redis) + half_taken(redis) == []
        for name, value in environment_of(url, klaviyo).items():
            monkeypatch.setenv(name, value)
        settings_of_process.cache_clear()
        lift_limits(monkeypatch)
        recover(redis, settings.load().connections)
        assert oracle.balance(redis) + oracle.quiet(redis) == []
        assert stored(redis) == left
    settings_of_process.cache_clear()


def test_a_disk_that_holds_less_and_a_ledger_that_is_not_whole_are_noticed(copies: list[Copy], tmp_path: Path) -> None:
    copies[-1].put(tmp_path)
    file = aof.log_of(tmp_path)
    os.truncate(file, file.stat().st_size // 2)
    with served(tmp_path) as (redis, _):
        assert 0 < stored(redis) < copies[-1].answered
        assert oracle.balance(redis) + half_taken(redis) == []
        queue = all_queues(redis)[0]
        redis.hincrby(keys.queue(queue), "open", 1)
        assert len(oracle.balance(redis)) == len(half_taken(redis)) == 1
