"""What settle.lua counts for pages: deliveries by the hour, and the batches settled last; bounded, whatever comes."""

from __future__ import annotations

import pytest
from redis import Redis

from queues import batches, keys
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.errors import LeaseLost
from queues.history import batches as history
from queues.history import hours, last_batches
from queues.history.hours import HOUR_MS, Hour
from queues.history.settled import BatchOutcomes, Settled, columns, pack
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.settlement import Settlement, Undeliverable
from tests.support.ledger import NOW, QUEUE, change, hold, on_every_server, put, take_due
from tests.support.people import names

pytestmark = on_every_server
THIS_HOUR = NOW // HOUR_MS * HOUR_MS


def settle(redis: Redis, at: int, dead: int = 0, start: int = 0) -> str:
    """A batch of a hundred comes and goes, one of them superseded."""
    put(redis, *names(100, start), at=at)
    (batch_id,) = take_due(redis, at)
    batch = hold(redis, batch_id, at)
    letters = [Undeliverable(index, "no_email", {}) for index in range(1, dead + 1)]
    ends = BatchOutcomes(superseded={0: None}, dead={each.index: each.reason for each in letters})
    told = Settled(batch_id, batch.reason, batch.taken, at + 5, 0, ends, columns(batch.changes, batch.taken))
    batches.settle(redis, batch, Settlement(1, letters, history=pack(told)), at + 5)
    return batch_id


def begun(found: list[Hour]) -> list[tuple[int, int, int]]:
    """The hours in which anything was settled, counted from this one."""
    return [(each.begins - THIS_HOUR, each.delivered, each.dead) for each in found if each.delivered or each.dead]


def test_what_is_delivered_and_what_dies_counts_in_its_hour_for_its_queue_and_for_all(redis: Redis) -> None:
    settle(redis, NOW - 2 * HOUR_MS)
    settle(redis, NOW, dead=3)
    settle(redis, NOW + 10)
    expected = [(-2 * HOUR_MS, 99, 0), (0, 96 + 99, 3)]
    found = hours.of_all(redis, NOW)
    assert (len(found), found[-1].begins, begun(found)) == (24, THIS_HOUR, expected)
    assert begun(hours.of_queues(redis, [QUEUE], NOW)[QUEUE]) == expected
    assert hours.of_queues(redis, [Queue("default", "audience", "quiet")], NOW) == {}


def test_what_is_dead_on_arrival_counts_too(redis: Redis) -> None:
    dead = [DeadOnArrival(change("p0", NOW), "malformed", "$")]
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", [], dead), NOW)
    settle(redis, NOW, dead=3)
    expected = [(0, 96, 4)]
    assert begun(hours.of_all(redis, NOW)) == begun(hours.of_queues(redis, [QUEUE], NOW)[QUEUE]) == expected


def test_hours_of_before_a_day_are_forgotten_and_all_of_them_where_nothing_more_comes(redis: Redis) -> None:
    for hour in range(30):
        settle(redis, NOW - (29 - hour) * HOUR_MS, dead=1)
    for key in (keys.queue(QUEUE, "hours"), keys.partition(QUEUE.partition, "hours")):
        assert redis.hlen(key) == 2 * 24
        assert 0 < redis.ttl(key) <= 25 * 3600
    assert len(begun(hours.of_all(redis, NOW))) == 24
    assert begun(hours.of_all(redis, NOW + 24 * HOUR_MS)) == []


def test_a_batch_that_another_worker_settled_is_counted_once(redis: Redis) -> None:
    put(redis, *names(100), at=NOW)
    (batch_id,) = take_due(redis, NOW)
    batch = hold(redis, batch_id, NOW)
    batches.settle(redis, batch, Settlement(), NOW)
    with pytest.raises(LeaseLost):
        batches.settle(redis, batch, Settlement(), NOW)
    assert begun(hours.of_all(redis, NOW)) == [(0, 100, 0)]


def test_the_uploads_settled_last_come_first_with_what_became_of_them(redis: Redis) -> None:
    first, second, third = settle(redis, NOW), settle(redis, NOW + 10, dead=2), settle(redis, NOW + 20)
    found = last_batches.last(redis, 2, {})
    assert [each.batch for each in found] == [third, second]
    assert [each.batch for each in last_batches.last(redis, 9, {})] == [third, second, first]
    told = found[1]
    assert (told.queue, told.reason, told.taken, told.settled) == (QUEUE, "size", NOW + 10, NOW + 15)
    assert (told.changes, told.delivered, told.superseded, told.dead) == (100, 97, 1, 2)


def test_uploads_that_are_known_are_not_read_again(redis: Redis) -> None:
    first = settle(redis, NOW)
    known = {each.batch: each for each in last_batches.last(redis, 5, {})}
    redis.delete(keys.queue(QUEUE, "history"))
    second = settle(redis, NOW + 10)
    assert [each.batch for each in last_batches.last(redis, 5, known)] == [second, first]
    assert [each.batch for each in last_batches.last(redis, 5, {})] == [second], "of the first no history is left"


def test_of_very_many_uploads_the_last_are_indexed(redis: Redis) -> None:
    made = [settle(redis, NOW + 10 * number) for number in range(last_batches.KEPT + 5)]
    assert redis.zcard(keys.partition(QUEUE.partition, "settled")) == last_batches.KEPT
    assert [each.batch for each in last_batches.last(redis, last_batches.KEPT, {})] == made[
        : -last_batches.KEPT - 1 : -1
    ]
    assert len(history.batches(redis, QUEUE, 100)) == len(made)
