"""Requests that share round trips: whatever fails on the way, the changes of each are stored in its order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisClusterException

from queues import acceptance, group_commit, keys, metrics
from queues.acceptance import Acceptance, DeadOnArrival
from queues.change import decode
from queues.errors import QueueFull, Unavailable
from queues.group_commit import GroupCommit
from queues.names import Queue
from queues.policy import FlushPolicy
from tests.support.ledger import change

QUEUES = [Queue("default", "audience", target) for target in ("1", "2")]
#: The queue of each part of a request, and how many changes the part has.
requests = st.lists(st.tuples(st.sampled_from(QUEUES), st.integers(0, 11)), min_size=1, max_size=12)


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "AT_ONCE", 5)
    monkeypatch.setattr(acceptance, "ITEMS", 4)


class Mishaps:
    """Some of the calls that are put into pipelines fail, and write nothing then."""

    def __init__(self, fails: list[bool]) -> None:
        self._fails = iter(fails)
        self.calls: list[list[Any]] = []

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        put, execute = Pipeline.execute_command, Pipeline.execute

        def put_or_fail(pipe: Any, *words: Any) -> Any:
            if words[0] == "EVALSHA" and next(self._fails, False):
                words = ("EVAL", "return redis.error_reply('OOM')", 0)
            return put(pipe, *words)

        async def noting(pipe: Any, **options: Any) -> Any:
            self.calls.append([words for words, _ in pipe.command_stack if words[0] == "EVALSHA"])
            return await execute(pipe, **options)

        monkeypatch.setattr(Pipeline, "execute_command", put_or_fail)
        monkeypatch.setattr(Pipeline, "execute", noting)


def parts(number: int, wanted: list[tuple[Queue, int]]) -> list[Acceptance]:
    return [
        Acceptance(
            queue, FlushPolicy(), f"{number}-{part}", [change(f"{number}-{part:03}-{n:02}@x.io") for n in range(size)]
        )
        for part, (queue, size) in enumerate(wanted)
    ]


async def send(redis_url: str, sent: list[list[Acceptance]], most: int = 1_000_000) -> list[Any]:
    """What becomes of requests that come at the same time."""
    async with AsyncRedis.from_url(redis_url) as redis:
        group = GroupCommit(redis, most)
        return await asyncio.gather(*(group.accept(each) for each in sent), return_exceptions=True)


def stored(redis: Redis, queue: Queue) -> Iterator[str]:
    for waiting in cast("list[bytes]", redis.lrange(keys.queue(queue, "pending"), 0, -1)):
        yield msgspec.json.decode(decode(waiting).body.person)["email"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(requests, min_size=1, max_size=3), fails=st.lists(st.booleans(), max_size=12))
def test_a_request_that_is_repeated_after_calls_that_failed_is_stored_once_and_in_its_order(
    redis: Redis, redis_url: str, small_groups: None, sent: list[list[tuple[Queue, int]]], fails: list[bool]
) -> None:
    redis.flushall()
    expected = [parts(number, wanted) for number, wanted in enumerate(sent)]
    with pytest.MonkeyPatch.context() as patch:
        Mishaps(fails).patch(patch)
        left = expected
        for _ in range(len(fails) + 2):
            answers = asyncio.run(send(redis_url, left))
            assert all(isinstance(answer, list | Unavailable) for answer in answers)
            left = [each for each, answer in zip(left, answers, strict=True) if not isinstance(answer, list)]
    assert left == []
    for queue in QUEUES:
        found = list(stored(redis, queue))
        for number, wanted in enumerate(sent):
            own = [email for email in found if email.startswith(f"{number}-")]
            assert own == sorted(own)
            assert len(own) == sum(size for part_of, size in wanted if part_of == queue)


def test_of_a_queue_nothing_is_written_behind_a_part_of_the_request_that_failed(
    redis: Redis, redis_url: str, small_groups: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(send(redis_url, [parts(9, [(QUEUES[1], 0)])]))  # so that the script is known
    Mishaps([True]).patch(monkeypatch)
    sent = parts(0, [(QUEUES[0], 1)] * 6 + [(QUEUES[1], 1)] * 6)
    assert isinstance(asyncio.run(send(redis_url, [sent]))[0], Unavailable)
    assert list(stored(redis, QUEUES[0])) == []
    assert len(list(stored(redis, QUEUES[1]))) == 6, "another queue has nothing to do with it"


def test_portions_behind_a_refused_one_disturb_no_other_request(
    redis: Redis, redis_url: str, small_groups: None
) -> None:
    others = [parts(number, [(QUEUES[1], 1)]) for number in range(1, 6)]
    first, *rest = asyncio.run(send(redis_url, [parts(0, [(QUEUES[0], 11)]), *others], most=6))
    assert isinstance(first, QueueFull)
    assert [len(each) for each in rest] == [1] * 5


def test_a_part_for_which_a_queue_has_no_room_stops_what_is_behind_it(redis: Redis, redis_url: str) -> None:
    (answer,) = asyncio.run(send(redis_url, [parts(0, [(QUEUES[0], size) for size in (2, 3, 1)])], most=4))
    assert isinstance(answer, QueueFull)
    assert list(stored(redis, QUEUES[0])) == ["0-000-00@x.io", "0-000-01@x.io"]


def test_a_round_trip_has_one_call_for_a_queue_and_no_call_has_over_five_hundred_changes(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(send(redis_url, [parts(9, [(QUEUES[1], 0)])]))
    mishaps = Mishaps([])
    mishaps.patch(monkeypatch)
    sizes = [600, 400, 1, 1_200, 5]
    (answer,) = asyncio.run(send(redis_url, [parts(0, [(QUEUES[0], size) for size in sizes])]))
    assert len(answer) == len(sizes)
    calls = [[int(words[2]) - 8 for words in trip] for trip in mishaps.calls if trip]
    assert calls == [[1], [2], [1], [1], [1], [2]], "messages, or portions of one, in each call of each round trip"
    assert len(list(stored(redis, QUEUES[0]))) == sum(sizes)


def test_dead_letters_and_large_changes_fill_a_call_sooner(redis: Redis) -> None:
    dead = [DeadOnArrival(change(f"{n}@x.io"), "malformed", "$") for n in range(600)]
    large = change("x" * 300_000)
    whole = Acceptance(QUEUES[0], FlushPolicy(), "m", [change("a@x.io")] * 450 + [large] * 20, dead, b"{}", clamped=3)
    found = list(acceptance.portions(whole))
    assert [(len(each.changes), len(each.dead)) for each in found] == [
        *((456, 0), (6, 0), (6, 0), (2, 249), (0, 250), (0, 101)),
    ]
    assert [(each.audience, each.clamped) for each in found] == [(b"{}", 3)] + [(b"", 0)] * 5
    assert [one for each in found for one in each.changes] == whole.changes
    assert [one for each in found for one in each.dead] == dead
    for fresh in (True, False):
        assert acceptance.accept(redis, whole, 1_800_000_000_000).fresh is fresh
        assert redis.llen(keys.queue(QUEUES[0], "pending")) == len(whole.changes)
        assert redis.xlen(keys.queue(QUEUES[0], "dead")) == len(dead)


def test_a_message_of_many_portions_lets_others_in_between(redis: Redis, redis_url: str) -> None:
    async def race() -> list[str]:
        async with AsyncRedis.from_url(redis_url) as connected:
            group, done = GroupCommit(connected), []

            async def send_one(name: str, sent: list[Acceptance]) -> None:
                await group.accept(sent)
                done.append(name)

            large = asyncio.create_task(send_one("large", parts(0, [(QUEUES[0], 5_000)])))
            for number in range(1, 6):
                await send_one(str(number), parts(number, [(QUEUES[number % 2], 1)]))
            await large
            return done

    assert asyncio.run(race()) == ["1", "2", "3", "4", "5", "large"]
    for queue, own in zip(QUEUES, ("24", "135"), strict=True):
        assert {email[0] for email in stored(redis, queue) if email[0] != "0"} == set(own)


@pytest.mark.parametrize("fault", [RuntimeError("closed"), AttributeError("gone"), RedisClusterException("no node")])
@pytest.mark.parametrize("place", ["pipeline", "count"])
def test_whatever_is_raised_every_request_is_answered_and_the_next_is_accepted(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, fault: Exception, place: str
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise fault

    async def both() -> tuple[list[Any], list[Any]]:
        async with AsyncRedis.from_url(redis_url) as connected:
            group = GroupCommit(connected)
            requests = [parts(number, [(QUEUES[number % 2], 1)]) for number in range(5)]
            with monkeypatch.context() as patch:
                if place == "pipeline":
                    patch.setattr(connected, "pipeline", fail)
                else:
                    patch.setattr(metrics, "on_arrival", fail)
                first = await asyncio.gather(*map(group.accept, requests), return_exceptions=True)
            return first, await asyncio.gather(*map(group.accept, requests))

    first, second = asyncio.run(asyncio.wait_for(both(), 30))
    assert all(isinstance(each, Unavailable | list) for each in first)
    assert all(isinstance(each, Unavailable) for each in first) == (place == "pipeline")
    assert [len(each) for each in second] == [1] * 5
    assert sum(redis.llen(keys.queue(queue, "pending")) for queue in QUEUES) == 5


def test_when_redis_is_away_the_portions_behind_are_not_tried(redis_url: str) -> None:
    async def accept() -> int:
        async with AsyncRedis(port=1) as connected:  # nobody listens there
            group = GroupCommit(connected)
            tried = 0
            trip = group._trips.write

            async def counted(sent: list[Acceptance]) -> Any:
                nonlocal tried
                tried += 1
                return await trip(sent)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(group._trips, "write", counted)
                with pytest.raises(Unavailable):
                    await group.accept(parts(0, [(QUEUES[0], 5_000), (QUEUES[1], 1)]))
            return tried

    assert asyncio.run(accept()) == 1
