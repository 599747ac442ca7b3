"""Audiences that share the name of a list: whoever comes first makes it, and nobody makes a second one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from emulator.server import running
from queues import pending
from queues.census import count
from queues.clock import now_ms
from queues.names import Queue
from tests.support.group import Group
from tests.support.house import environment
from tests.support.klaviyo import Account
from tests.support.ops import put
from tests.support.waiting import until

NAME = "Spring"
QUEUES = [Queue("default", "audience", str(number)) for number in range(4)]
WORKERS = [f"worker-{number}" for number in range(len(QUEUES))]
#: Seconds for which each answer to a look for the list is held back, so that four workers look at once.
AT_ONCE = 1.0


def somebody(queue: Queue) -> str:
    return f"p{queue.target}@example.com"


def delivered(redis: Redis) -> bool:
    return all(found.delivered == found.accepted for found in count(redis, QUEUES))


@pytest.mark.parametrize("lost", [0, 1, 2], ids=["answered", "lost-once", "lost-twice"])
def test_four_workers_with_audiences_of_one_list_name_make_one_list(
    redis: Redis, redis_url: str, tmp_path: Path, lost: int
) -> None:
    with running(job_seconds=0, limits_off=True) as url:
        klaviyo = Account(url)
        look: dict[str, Any] = {"method": "GET", "path": "/api/lists"}
        klaviyo.control("faults", fault="stall", seconds=AT_ONCE, times=len(QUEUES), match=look)
        if lost:
            make = {"method": "POST", "path": "/api/lists"}
            klaviyo.control("faults", fault="lost_response", times=lost, match=make)
        for queue in QUEUES:
            put(redis, somebody(queue), queue=queue, name=NAME)
            pending.flush(redis, queue, now_ms())
        with Group(environment(redis_url, url), tmp_path, *WORKERS, module="tests.support.hurried") as group:
            until(lambda: all("worker is up" in group.log(name) for name in WORKERS), "the workers")
            group.start("scheduler")
            until(lambda: delivered(redis), "the delivery of all four audiences")
        assert klaviyo.lists() == [NAME]
        assert klaviyo.members(NAME) == {somebody(queue) for queue in QUEUES}
        klaviyo.close()
