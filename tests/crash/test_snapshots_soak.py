"""Snapshots and single changes for real processes, which are killed, frozen and interrupted while they are at it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from redis import Redis

from emulator.server import running
from queues.clock import now_ms
from queues.policy import FlushPolicy
from queues.snapshots import orders
from tests.support import oracle, snapshot_audience
from tests.support.chaos import Chaos
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.model import address
from tests.support.proxied_system import environment
from tests.support.recovery import open_batches, waiting
from tests.support.waiting import until

PROCESSES = ("scheduler-1", "worker-1", "worker-2")
PEOPLE = [address(number) for number in range(300)]
#: Of these single changes say last what becomes of them, with a CDP time that no snapshot reaches.
STAYS, LEAVES, FAR = address(900), PEOPLE[7], 3_600_000
#: Seconds of trouble, and strokes that must fall in it however slow the machine is.
TROUBLE_S, STROKES = 4.0, 5


def say(redis: Redis, people: Iterable[str], plan: str) -> str:
    """A snapshot of now."""
    return snapshot_audience.snapshot(redis, snapshot_audience.lines((person, plan) for person in people), now_ms())


def ended(redis: Redis, group: Group) -> bool:
    """Whether, with an operator who sees to it, nothing is left to be done."""
    letters = snapshot_audience.tended(redis, group)
    return not (open_batches(redis) or waiting(redis) or letters)


@pytest.mark.parametrize("seed", [5])
def test_the_last_snapshot_stands_whatever_befell_the_workers_meanwhile(
    redis: Redis, redis_url: str, tmp_path: Path, seed: int
) -> None:
    random, policy = Random(seed), FlushPolicy(size=20)
    with (
        running(job_seconds=0.3, limits_off=True) as url,
        Group(
            {**environment(redis_url, url), "FERRY_FLUSH_SIZE": "20", "FERRY_UPLOAD_MAX": "20"},
            tmp_path,
            *PROCESSES,
            module="tests.support.hurried",
        ) as group,
    ):
        klaviyo, chaos = Account(url), Chaos(group, redis, random)
        klaviyo.has_list(snapshot_audience.NAME, PEOPLE[:50])
        end = time.monotonic() + TROUBLE_S
        while time.monotonic() < end or chaos.done.total() < STROKES:
            say(redis, random.sample(PEOPLE, random.randint(200, 300)), random.choice(["gold", "blue"]))
            for person in random.sample(PEOPLE, 10):
                snapshot_audience.single(redis, policy, person, random.random() < 0.5, now_ms())
            chaos.strike()
            assert oracle.balance(redis) == []
        until(lambda: ended(redis, group), "the end of what came in the time of trouble", 300)

        snapshot_audience.single(redis, policy, STAYS, True, now_ms() + FAR)
        snapshot_audience.single(redis, policy, LEAVES, False, now_ms() + FAR)
        last = say(redis, PEOPLE, "last")
        until(lambda: ended(redis, group), "the end of the last snapshot", 300)

        record = orders.record(redis, last)
        assert record is not None
        assert (record.state, record.counts and record.counts.newer) == ("delivered", 2)
        members = {*PEOPLE, STAYS} - {LEAVES}
        snapshot_audience.assert_stands(redis, klaviyo, members, members - {STAYS})
        klaviyo.close()
