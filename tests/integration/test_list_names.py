"""Audiences that share the name of a list: whoever comes first makes it, and nobody makes a second one.

Where they may not share it, the one that comes first keeps it, and the others are held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from emulator.server import running
from queues import holds, owners, pending
from queues.census import count
from queues.clock import now_ms
from queues.names import Queue
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.ops import put
from tests.support.proxied_system import environment
from tests.support.waiting import until

NAME = "Spring"
QUEUES = [Queue("default", "audience", str(number)) for number in range(4)]
WORKERS = [f"worker-{number}" for number in range(len(QUEUES))]
#: Seconds for which each answer to a look for the list is held back, so that four workers look at once.
AT_ONCE = 1.0


def somebody(queue: Queue) -> str:
    return f"p{queue.target}@example.com"


def delivered(redis: Redis) -> list[Queue]:
    return [found.queue for found in count(redis, QUEUES) if found.delivered == found.accepted]


def held(redis: Redis) -> list[Queue]:
    found = {queue: holds.of_queue(redis, queue) for queue in QUEUES}
    return [queue for queue, hold in found.items() if hold and hold.reason == owners.LIST_OWNED]


def work(
    redis: Redis, redis_url: str, klaviyo: Account, folder: Path, is_done: Callable[[], bool], shared: str
) -> None:
    """Four workers take up the four audiences at once. `shared`: the setting."""
    look: dict[str, Any] = {"method": "GET", "path": "/api/lists"}
    klaviyo.control("faults", fault="stall", seconds=AT_ONCE, times=len(QUEUES), match=look)
    for queue in QUEUES:
        put(redis, somebody(queue), queue=queue, name=NAME)
        pending.flush(redis, queue, now_ms())
    file = folder / "connections.toml"
    file.write_text(f"[connections.default]\nshared_list = {shared}\n")
    known = {**environment(redis_url, klaviyo.url), "FERRY_CONNECTIONS": str(file)}
    with Group(known, folder, *WORKERS, module="tests.support.hurried") as group:
        until(lambda: all("worker is up" in group.log(name) for name in WORKERS), "the workers")
        group.start("scheduler")
        until(is_done, "the end of all four audiences")


@pytest.fixture
def klaviyo() -> Iterator[Account]:
    with running(job_seconds=0, limits_off=True) as url:
        account = Account(url)
        yield account
        account.close()


@pytest.mark.parametrize("lost", [0, 1, 2], ids=["answered", "lost-once", "lost-twice"])
def test_four_workers_with_audiences_that_share_a_list_make_one_list(
    redis: Redis, redis_url: str, tmp_path: Path, klaviyo: Account, lost: int
) -> None:
    if lost:
        make = {"method": "POST", "path": "/api/lists"}
        klaviyo.control("faults", fault="lost_response", times=lost, match=make)
    work(redis, redis_url, klaviyo, tmp_path, lambda: len(delivered(redis)) == len(QUEUES), shared="true")
    assert klaviyo.lists() == [NAME]
    assert klaviyo.members(NAME) == {somebody(queue) for queue in QUEUES}


def test_of_four_workers_with_audiences_of_one_name_one_fills_the_list(
    redis: Redis, redis_url: str, tmp_path: Path, klaviyo: Account
) -> None:
    def ended() -> bool:
        return len(held(redis)) + len(delivered(redis)) == len(QUEUES)

    work(redis, redis_url, klaviyo, tmp_path, ended, shared="false")
    (first,) = delivered(redis)
    assert sorted([first, *held(redis)]) == QUEUES
    assert klaviyo.lists() == [NAME]
    assert klaviyo.members(NAME) == {somebody(first)}
