"""A ledger that went back in time is noticed by every process that ran on, and by no other accident."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.client import Pipeline

from queues import batches, keys
from queues.acceptance import Acceptance
from queues.clock import now_ms
from queues.group_commit import GroupCommit
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.server import rollback
from queues.server.rollback import EpochWatch, Rollback, StepMemory
from queues.settlement import Settlement
from tests.support.ledger import NOW, QUEUE, change, hold, on_every_server, put, take_due
from tests.support.people import names
from tests.support.waiting import until_async

pytestmark = on_every_server
STEPS = keys.partition(QUEUE.partition, "steps")


@pytest.fixture
def memory(redis: Redis) -> StepMemory:
    """Of a process that has looked once, at a ledger with an epoch."""
    EpochWatch().emptied(redis, NOW)
    found = StepMemory()
    assert found.look(redis) is None
    return found


def back(redis: Redis, dump: bytes | None) -> None:
    """The steps of the queue's partition are again what they were."""
    redis.delete(STEPS)
    if dump is not None:
        redis.restore(STEPS, 0, dump)


def steps(redis: Redis) -> tuple[int, int]:
    """How many, and the ms of the last."""
    number, at = (redis.get(STEPS) or b"0 0").split()
    return int(number), int(at)


def saved(redis: Redis) -> bytes | None:
    found: bytes | None = redis.dump(STEPS)
    return found


def test_acceptances_takings_and_settlings_are_steps_and_repetitions_are_none(redis: Redis) -> None:
    def number() -> int:
        return steps(redis)[0]

    put(redis, *names(100), message="m")
    assert number() == 1
    put(redis, *names(100), message="m")
    assert number() == 1, "seen before"
    (batch_id,) = take_due(redis, NOW)
    assert number() == 2
    batches.settle(redis, hold(redis, batch_id), Settlement(), NOW + 7)
    assert steps(redis) == (3, NOW + 7)


@pytest.mark.parametrize("lost", ["accepted", "taken", "settled"])
def test_each_kind_of_step_that_is_lost_is_noticed(redis: Redis, memory: StepMemory, lost: str) -> None:
    put(redis, *names(100), at=NOW)
    dumps = {"accepted": None, "taken": saved(redis)}
    (batch_id,) = take_due(redis, NOW + 1)
    dumps["settled"] = saved(redis)
    batches.settle(redis, hold(redis, batch_id), Settlement(), NOW + 2)
    assert memory.look(redis) is None
    back(redis, dumps[lost])
    fall = memory.look(redis)
    assert fall is not None
    assert (fall.until, fall.missing) == (NOW + 2, {"accepted": 3, "taken": 2, "settled": 1}[lost])
    assert fall.as_of == {"accepted": 0, "taken": NOW, "settled": NOW + 1}[lost]
    assert memory.look(redis) is None, "it is noticed once"
    assert rollback.unacknowledged(redis) == fall


def test_who_started_afterwards_cannot_know(redis: Redis, memory: StepMemory) -> None:
    put(redis, "a@x.io")
    back(redis, None)
    assert StepMemory().look(redis) is None
    assert rollback.unacknowledged(redis) is None


def test_a_ledger_that_was_emptied_is_one_alarm_and_not_two(
    redis: Redis, memory: StepMemory, caplog: pytest.LogCaptureFixture
) -> None:
    put(redis, "a@x.io")
    memory.look(redis)
    redis.flushall()
    assert memory.look(redis) is None
    watch = EpochWatch()
    watch._epochs = {0: b"of before"}
    assert watch.emptied(redis, NOW)
    assert memory.look(redis) is None
    assert "went back" not in caplog.text
    assert rollback.unacknowledged(redis) == Rollback(NOW, 0, NOW, 0)
    assert rollback.acknowledge(redis) is not None
    assert rollback.unacknowledged(redis) is None


def test_of_what_two_processes_noticed_the_furthest_stays(redis: Redis, memory: StepMemory) -> None:
    other = StepMemory()
    other.look(redis)
    put(redis, "a@x.io", at=NOW)
    dump = saved(redis)
    put(redis, "b@x.io", at=NOW + 10)
    memory.look(redis)
    put(redis, "c@x.io", at=NOW + 20)
    other.look(redis)
    back(redis, dump)
    memory.look(redis)
    other.look(redis)
    found = rollback.unacknowledged(redis)
    assert found is not None
    assert (found.as_of, found.until, found.missing) == (NOW, NOW + 20, 2)


def test_a_note_that_a_full_redis_refuses_is_written_at_the_next_look(redis: Redis, memory: StepMemory) -> None:
    put(redis, "a@x.io")
    memory.look(redis)
    back(redis, None)
    try:
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] // 2)
        with pytest.raises(Exception, match="maxmemory"):
            memory.look(redis)
    finally:
        redis.config_set("maxmemory", 0)
    assert memory.look(redis) is not None


async def sent(commit: GroupCommit, *people: str) -> None:
    await commit.accept([Acceptance(QUEUE, FlushPolicy(), "", [change(person)]) for person in people])


def test_an_acceptance_notices_at_once_and_knows_when_the_ledger_ends(
    redis: Redis, redis_url: str, memory: StepMemory, caplog: pytest.LogCaptureFixture
) -> None:
    """Another process has accepted meanwhile, so that the time of the last step there is a new one."""

    async def run() -> None:
        async with AsyncRedis.from_url(redis_url) as client:
            commit = GroupCommit(client)
            await commit.memory.look_async(client)
            await sent(commit, "a@x.io")
            dump = saved(redis)
            at = steps(redis)[1]
            began = now_ms()
            await until_async(lambda: now_ms() > began)
            await sent(commit, "b@x.io")
            await sent(commit, "c@x.io")
            back(redis, dump)
            await sent(commit, "d@x.io")
            await sent(commit, "e@x.io", "f@x.io", "g@x.io")
            fall = rollback.unacknowledged(redis)
            assert fall is not None
            assert (fall.as_of, fall.missing) == (at, 2)

    asyncio.run(run())
    assert [record.levelno for record in caplog.records if "went back in time" in record.getMessage()] == [
        logging.ERROR
    ]


def test_a_ledger_that_no_scheduler_has_marked_is_not_doubted_for_ever(redis: Redis, redis_url: str) -> None:
    """It has no epoch, so nobody can tell whether it went back or was emptied."""

    async def run() -> None:
        async with AsyncRedis.from_url(redis_url) as client:
            commit = GroupCommit(client)
            await sent(commit, "a@x.io")
            await sent(commit, "b@x.io")
            redis.delete(STEPS)
            await sent(commit, "c@x.io")
            await until_async(lambda: not commit.memory.doubted)
            await sent(commit, "d@x.io")
            assert not commit.memory.doubted

    asyncio.run(run())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=8), min_size=1, max_size=4))
def test_many_requests_and_looks_at_the_same_time_are_never_a_false_alarm(
    redis: Redis, redis_url: str, memory: StepMemory, groups: list[list[int]]
) -> None:
    async def run() -> None:
        async with AsyncRedis.from_url(redis_url) as client:
            commits = [GroupCommit(client), GroupCommit(client)]

            async def post(number: int) -> None:
                queue = Queue("default", "audience", str(number % 20))
                await commits[number % 2].accept([Acceptance(queue, FlushPolicy(), "", [change("a@x.io")])])
                await commits[number % 2].memory.look_async(client)

            for group in groups:
                await asyncio.gather(*(post(number) for number in group))
                memory.look(redis)

    asyncio.run(run())
    assert rollback.unacknowledged(redis) is None


def test_an_answer_that_arrives_behind_a_later_one_is_no_fall(
    redis: Redis, redis_url: str, memory: StepMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look's answer is under way while the same process hears that it accepted something."""
    execute, meanwhile = Pipeline.execute, ["b@x.io"]

    async def run() -> None:
        async with AsyncRedis.from_url(redis_url) as client:
            commit = GroupCommit(client)
            await commit.memory.look_async(client)
            await sent(commit, "a@x.io")

            async def late(pipe: Any, **options: Any) -> list[Any]:
                answers: list[Any] = await execute(pipe, **options)
                if meanwhile:
                    await sent(commit, meanwhile.pop())
                return answers

            monkeypatch.setattr(Pipeline, "execute", late)
            await commit.memory.look_async(client)
            assert not meanwhile

    asyncio.run(run())
    assert rollback.unacknowledged(redis) is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.integers(0, 4), lost=st.integers(0, 4), after=st.integers(0, 3), looks=st.booleans())
def test_a_fall_is_noticed_exactly_where_something_seen_is_missing(
    redis: Redis, before: int, lost: int, after: int, looks: bool
) -> None:
    """What came after the fall hides as many steps, unless an acceptance of the same process meets the lower one."""
    redis.flushall()
    EpochWatch().emptied(redis, NOW)
    memory = StepMemory()
    memory.look(redis)
    for number in range(before):
        put(redis, f"a{number}@x.io", at=NOW + number)
    dump = saved(redis)
    for number in range(lost):
        put(redis, f"b{number}@x.io", at=NOW + 100 + number)
    if looks:
        memory.look(redis)
    back(redis, dump)
    for number in range(after):
        put(redis, f"c{number}@x.io", at=NOW + 200 + number)
    fall = memory.look(redis)
    assert (fall is not None) is (looks and lost > after)
    assert fall is None or 0 < fall.missing <= lost
    assert memory.look(redis) is None
