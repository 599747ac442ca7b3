"""Schedulers that were dead, freeze, run in pairs or have their clock set back take what the policy says, once."""

from __future__ import annotations

import logging
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from queues import batches, keys, pending
from queues.acceptance import accept
from queues.batches import Batch
from queues.clock import now_ms
from queues.policy import FlushPolicy
from queues.settlement import Settlement
from scheduler.tick import tick
from tests.support.group import Group
from tests.support.intake import known
from tests.support.model import message
from tests.support.proxied_system import environment
from tests.support.recovery import open_batches, waiting
from tests.support.waiting import apart, until

log = logging.getLogger(__name__)

AUDIENCE, POLICY = "42", FlushPolicy()
NOW, HOUR, MINUTE = 1_800_000_000_000, 3_600_000, 60_000
PEOPLE = 1_037


class Taker(threading.Thread):
    """Settles every batch at once, as a worker would after some time. `taken`: what was in them."""

    def __init__(self, redis: Redis) -> None:
        super().__init__()
        self._redis, self._over = redis, threading.Event()
        self.taken: list[Batch] = []

    def run(self) -> None:
        """Until told to end."""
        while not self._over.wait(0.01):
            for batch_id in open_batches(self._redis):
                batch = batches.reclaim(self._redis, batch_id, now_ms(), 60_000)
                assert batch is not None, "two batches of one id, or somebody else takes them"
                self.taken.append(batch)
                if batches.settle(self._redis, batch, Settlement(), now_ms()):
                    pending.wake(self._redis)

    @contextmanager
    def working(self) -> Iterator[list[Batch]]:
        """While the block lasts."""
        self.start()
        try:
            yield self.taken
        finally:
            self._over.set()
            self.join()


@pytest.fixture
def settings_of_processes(redis_url: str) -> dict[str, str]:
    return {**environment(redis_url, "http://127.0.0.1:9"), "FERRY_FLUSH_SIZE": str(POLICY.size)}


def say(redis: Redis, first: int, last: int, at: int) -> None:
    """These people join, accepted at that time."""
    for acceptance in message(AUDIENCE, "add", range(first, last)).acceptances(POLICY, at):
        if accept(redis, acceptance, at).became_due:
            pending.wake(redis)


def burst(redis: Redis, chance: random.Random) -> None:
    """Everybody joins, a few at a time."""
    first = 0
    while first < PEOPLE:
        last = min(PEOPLE, first + chance.randint(1, 15))
        say(redis, first, last, now_ms())
        first = last
        apart(chance.uniform(0, 0.04))


def wait_until_taken(redis: Redis, left: int, seconds: float = 90.0) -> None:
    until(lambda: waiting(redis) <= left and not open_batches(redis), "all but the rest is taken", seconds)


def wait_for_ticks(redis: Redis, ticks: int) -> None:
    beats = set()

    def seen() -> bool:
        beats.add(redis.get(keys.HEARTBEAT))
        return len(beats) > ticks

    until(seen, f"{ticks} ticks")


def check_taken_by_size(taken: list[Batch]) -> None:
    """Uploads of exactly the size, and nobody in two of them."""
    assert {batch.reason for batch in taken} == {"size"}
    assert [len(batch.changes) for batch in taken] == [POLICY.size] * (PEOPLE // POLICY.size)
    times = Counter(key for batch in taken for change in batch.changes for key in change.keys)
    assert set(times.values()) == {1}


def test_two_schedulers_take_a_burst_in_uploads_of_the_size_and_leave_the_rest(
    redis: Redis, settings_of_processes: dict[str, str], tmp_path: Path
) -> None:
    with (
        Group(settings_of_processes, tmp_path, "scheduler-1", "scheduler-2"),
        Taker(redis).working() as taken,
    ):
        burst(redis, random.Random(7))
        wait_until_taken(redis, PEOPLE % POLICY.size)
        wait_for_ticks(redis, 4)  # at least one of each
    check_taken_by_size(taken)
    assert waiting(redis) == PEOPLE % POLICY.size


def test_a_scheduler_that_freezes_is_stood_in_for_and_takes_nothing_twice(
    redis: Redis, settings_of_processes: dict[str, str], tmp_path: Path
) -> None:
    chance = random.Random(7)
    with (
        Group(settings_of_processes, tmp_path, "scheduler-1", "scheduler-2") as group,
        Taker(redis).working() as taken,
    ):
        sending = threading.Thread(target=burst, args=(redis, random.Random(8)))
        sending.start()
        while sending.is_alive():
            frozen = chance.choice(group.names)
            group.send_all(frozen, signal.SIGSTOP)
            apart(chance.uniform(0.1, 0.8))
            group.send_all(frozen, signal.SIGCONT)
        wait_until_taken(redis, PEOPLE % POLICY.size)
    check_taken_by_size(taken)


def test_what_became_due_while_no_scheduler_ran_is_taken_at_the_first_tick(
    redis: Redis, settings_of_processes: dict[str, str], tmp_path: Path
) -> None:
    say(redis, 0, 3, now_ms() - 20 * HOUR)
    say(redis, 3, 5, now_ms() - HOUR)
    with Group(settings_of_processes, tmp_path, "scheduler"), Taker(redis).working() as taken:
        wait_until_taken(redis, 0)
    assert [(batch.reason, len(batch.changes)) for batch in taken] == [("age", 5)]


def test_a_clock_set_back_neither_hastens_nor_stalls(redis: Redis, redis_url: str) -> None:
    connections = known(redis_url).connections
    back = 5 * MINUTE

    def sizes_after_tick(at: int) -> list[int]:
        tick(redis, connections, at)
        found = []
        for batch_id in batches.to_ring(redis, at + 30_000):
            batch = batches.reclaim(redis, batch_id, at, 60_000)
            assert batch is not None
            found.append(len(batch.changes))
            batches.settle(redis, batch, Settlement(), at)
        return found

    say(redis, 0, 3, NOW)
    assert sizes_after_tick(NOW) == []
    say(redis, 3, 5, NOW - back)
    assert sizes_after_tick(NOW - back) == [], "what was accepted in the future is not old"
    assert sizes_after_tick(NOW + 16 * HOUR - 1) == []
    assert sizes_after_tick(NOW + 16 * HOUR) == [5], "later by what the clock was set back, and no more"
    say(redis, 10, 109, NOW + 16 * HOUR)
    assert sizes_after_tick(NOW + 16 * HOUR - back) == []
    say(redis, 109, 110, NOW + 16 * HOUR - back)
    assert sizes_after_tick(NOW + 16 * HOUR - back) == [100], "the size counts whatever the clock says"
