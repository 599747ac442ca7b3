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

from queues import group_commit, keys
from queues.acceptance import Acceptance
from queues.change import decode
from queues.errors import QueueFull, Unavailable
from queues.group_commit import GroupCommit
from queues.names import Queue
from queues.policy import FlushPolicy
from tests.support.ledger import change

QUEUES = [Queue("default", "audience", target) for target in ("1", "2")]
#: The queue of each part of a request, and how many changes the part has.
requests = st.lists(st.tuples(st.sampled_from(QUEUES), st.integers(0, 3)), min_size=1, max_size=12)


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "AT_ONCE", 5)
    monkeypatch.setattr(group_commit, "CHANGES_AT_ONCE", 4)


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
            queue, FlushPolicy(), f"{number}-{part}", [change(f"{number}-{part:03}-{n}@x.io") for n in range(size)]
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


def test_a_part_for_which_a_queue_has_no_room_stops_what_is_behind_it(redis: Redis, redis_url: str) -> None:
    (answer,) = asyncio.run(send(redis_url, [parts(0, [(QUEUES[0], size) for size in (2, 3, 1)])], most=4))
    assert isinstance(answer, QueueFull)
    assert list(stored(redis, QUEUES[0])) == ["0-000-0@x.io", "0-000-1@x.io"]


def test_a_round_trip_has_one_call_for_a_queue_with_a_thousand_changes_or_one_message(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(send(redis_url, [parts(9, [(QUEUES[1], 0)])]))
    mishaps = Mishaps([])
    mishaps.patch(monkeypatch)
    sizes = [600, 400, 1, 1_200, 5]
    (answer,) = asyncio.run(send(redis_url, [parts(0, [(QUEUES[0], size) for size in sizes])]))
    assert len(answer) == len(sizes)
    calls = [[int(words[2]) - 8 for words in trip] for trip in mishaps.calls if trip]
    assert calls == [[2], [1], [1], [1]], "messages in each call of each round trip"
