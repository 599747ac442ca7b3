"""Messages written down together come to what they come to one by one."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from queues import acceptance, dead_letters, keys, scripts
from queues.acceptance import Acceptance, AcceptResult, DeadOnArrival, calls, outcomes
from queues.errors import QueueFull
from queues.names import PARTITIONS, Queue
from queues.policy import FlushPolicy
from tests.support.ledger import NOW, change

QUEUES = [Queue("default", "audience", target) for target in ("1", "2")]
MOST = 12

messages = st.builds(
    lambda queue, message, changes, dead, audience: Acceptance(
        queue,
        FlushPolicy(size=5),
        message,
        [change(person) for person in changes],
        [DeadOnArrival(change(person), "malformed", "x") for person in dead],
        audience,
    ),
    st.sampled_from(QUEUES),
    st.sampled_from(["", "m1", "m2", "m3", "m4"]),
    st.lists(st.sampled_from(["a@example.com", "b@example.com", "c@example.com"]), max_size=6),
    st.lists(st.sampled_from(["d@example.com", "e@example.com"]), max_size=2),
    st.sampled_from([b"", b'{"name":"A"}', b'{"name":"B"}']),
)


def write(redis: Redis, found: list[Acceptance], most: int = MOST) -> list[AcceptResult | QueueFull]:
    results: dict[int, AcceptResult | QueueFull] = {}
    for call in calls(found, NOW, most):
        answer = scripts.run(redis, "accept", call.keys, call.args)
        results.update(zip(call.members, outcomes(call, found, answer), strict=True))
    return [results[place] for place in range(len(found))]


def write_apart(redis: Redis, found: list[Acceptance]) -> list[AcceptResult | QueueFull]:
    """One by one; of a queue that had no room for one message nothing is taken after it."""
    results: list[AcceptResult | QueueFull] = []
    full: set[Queue] = set()
    for one in found:
        results += write(redis, [one], 0 if one.queue in full else MOST)
        if isinstance(results[-1], QueueFull):
            full.add(one.queue)
    return results


def state(redis: Redis) -> dict[str, Any]:
    """Everything in the ledger but the times in the ids of dead letters."""
    known: dict[str, Any] = {"marks": sorted(redis.scan_iter("ferry:*:seen:*"))}
    for queue in QUEUES:
        known[str(queue)] = redis.hgetall(keys.queue(queue))
        known[f"{queue} pending"] = redis.lrange(keys.queue(queue, "pending"), 0, -1)
        known[f"{queue} dead"] = [(letter.reason, letter.change) for letter in dead_letters.read(redis, queue)]
        known[f"{queue} buried"] = {
            key: ids.count(b" ")
            for key, ids in cast("dict[bytes, bytes]", redis.hgetall(keys.queue(queue, "buried"))).items()
        }
    for number in range(PARTITIONS):
        known[f"due {number}"] = redis.zrange(keys.partition(number, "due"), 0, -1, withscores=True)
        known[f"queues {number}"] = redis.smembers(keys.partition(number, "queues"))
    return known


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(messages, min_size=1, max_size=10))
def test_messages_in_one_call_are_treated_as_in_calls_of_their_own(redis: Redis, found: list[Acceptance]) -> None:
    redis.flushall()
    apart = write_apart(redis, found)
    expected = state(redis)
    redis.flushall()
    together = write(redis, found)
    assert state(redis) == expected
    for one, other in zip(together, apart, strict=True):
        assert type(one) is type(other)
        assert not isinstance(one, AcceptResult) or not isinstance(other, AcceptResult) or one.fresh == other.fresh
    assert any_due(together) == any_due(apart)


def any_due(results: list[AcceptResult | QueueFull]) -> bool:
    return any(isinstance(result, AcceptResult) and result.became_due for result in results)


def test_a_call_carries_one_queue_and_its_messages_in_their_order() -> None:
    found = [Acceptance(QUEUES[i % 2], FlushPolicy(), f"m{i}", [change(f"p{i}@example.com")]) for i in range(6)]
    assert [call.members for call in calls(found, NOW)] == [[0, 2, 4], [1, 3, 5]]


def test_the_mark_of_a_message_lives_for_a_day(redis: Redis) -> None:
    write(redis, [Acceptance(QUEUES[0], FlushPolicy(), "m1", [change("a@example.com")])])
    (mark,) = redis.scan_iter("ferry:*:seen:*")
    assert acceptance.REMEMBERED_MS - 60_000 < redis.pttl(mark) <= acceptance.REMEMBERED_MS
