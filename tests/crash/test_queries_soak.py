"""Runs of a query and single changes for real processes, which are killed, frozen and interrupted while they read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from redis import Redis

from emulator.server import running
from queues import pending
from queues.clock import now_ms
from queues.policy import FlushPolicy
from queues.queries import records, slots
from queues.queries.records import QueryRun
from queues.snapshots import orders
from tests.support import oracle, snapshot_audience
from tests.support.chaos import Chaos
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.model import address
from tests.support.proxied_system import environment
from tests.support.queries import state
from tests.support.recovery import open_batches, waiting
from tests.support.waiting import until

PROCESSES = ("scheduler-1", "worker-1", "worker-2")
PEOPLE = [address(number) for number in range(300)]
#: Of these single changes say last what becomes of them, with a CDP time that no result reaches.
STAYS, LEAVES, FAR = address(900), PEOPLE[7], 3_600_000
#: Seconds of trouble, and strokes that must fall in it however slow the machine is.
TROUBLE_S, STROKES = 4.0, 8
TOML = f"""
[sources.shop]
sqlite = "shop.sqlite"
[queries.{snapshot_audience.AUDIENCE}]
source = "shop"
table = "people"
name = "{snapshot_audience.NAME}"
attributes = ["plan"]
"""


def fill(folder: Path, people: Iterable[str], plan: str) -> None:
    """The table has these people. A worker that reads it meanwhile finds those before them."""
    with closing(sqlite3.connect(folder / "shop.sqlite", timeout=300)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS people (email TEXT, plan TEXT)")
        database.execute("DELETE FROM people")
        database.executemany("INSERT INTO people VALUES (?, ?)", [(person, plan) for person in people])


def order(redis: Redis) -> str:
    """Somebody asks for a run; the id of the one that has not ended."""
    run_id, _ = slots.order(redis, snapshot_audience.AUDIENCE, "cli:ann", now_ms(), confirmed=True)
    pending.wake(redis)
    return run_id


def ended(redis: Redis, group: Group) -> bool:
    """Whether, with an operator who sees to it, nothing is left to be done."""
    letters = snapshot_audience.tended(redis, group)
    is_running = state(redis, snapshot_audience.AUDIENCE).running
    return not (is_running or open_batches(redis) or waiting(redis) or letters)


def run_of(redis: Redis, run_id: str) -> QueryRun:
    found = records.run(redis, run_id)
    assert found is not None
    return found


@pytest.mark.parametrize("seed", [5])
def test_the_last_run_stands_whatever_befell_the_workers_meanwhile(
    redis: Redis, redis_url: str, tmp_path: Path, seed: int
) -> None:
    random, policy = Random(seed), FlushPolicy(size=20)
    (tmp_path / "connections.toml").write_text(TOML)
    more = {
        "FERRY_FLUSH_SIZE": "20",
        "FERRY_UPLOAD_MAX": "20",
        "FERRY_CONNECTIONS": str(tmp_path / "connections.toml"),
    }
    with (
        running(job_seconds=0.3, limits_off=True) as url,
        Group(
            {**environment(redis_url, url), **more},
            tmp_path,
            *PROCESSES,
            module="tests.support.hurried",
        ) as group,
    ):
        klaviyo, chaos = Account(url), Chaos(group, redis, random)
        klaviyo.has_list(snapshot_audience.NAME, PEOPLE[:50])
        end = time.monotonic() + TROUBLE_S
        while time.monotonic() < end or chaos.done.total() < STROKES:
            fill(tmp_path, random.sample(PEOPLE, random.randint(200, 300)), random.choice(["gold", "blue"]))
            order(redis)
            for person in random.sample(PEOPLE, 10):
                snapshot_audience.single(redis, policy, person, random.random() < 0.5, now_ms())
            chaos.strike()
            assert oracle.balance(redis) == []
        until(lambda: ended(redis, group), "the end of what came in the time of trouble", 300)

        snapshot_audience.single(redis, policy, STAYS, True, now_ms() + FAR)
        snapshot_audience.single(redis, policy, LEAVES, False, now_ms() + FAR)
        fill(tmp_path, PEOPLE, "last")
        last = order(redis)
        until(lambda: ended(redis, group), "the end of the last run", 300)

        run = run_of(redis, last)
        record = orders.record(redis, run.snapshot)
        assert record is not None
        assert (run.state, run.rows, record.state) == ("submitted", len(PEOPLE), "delivered")
        members = {*PEOPLE, STAYS} - {LEAVES}
        snapshot_audience.assert_stands(redis, klaviyo, members, members - {STAYS})
        klaviyo.close()
