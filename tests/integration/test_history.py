"""The history on a real server: written when a batch ends and not otherwise, bounded, and open to forgetting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from queues import batches, bounds, keys
from queues.batches import Batch
from queues.change import person_key
from queues.errors import LeaseLost
from queues.history import batches as history
from queues.history.settled import BatchOutcomes, Settled, columns, pack
from queues.names import Queue
from queues.settlement import Settlement
from scheduler.housekeeping import housekeep
from tests.support.ledger import LEASE, NOW, QUEUE, hold, on_every_server, put, take_due
from tests.support.people import names

pytestmark = on_every_server
DAY = 86_400_000


def told_of(batch: Batch, at: int) -> Settlement:
    """All of the batch is delivered, and it is to be told of."""
    settled = Settled(batch.id, batch.reason, batch.taken, at, 0, BatchOutcomes(), columns(batch.changes, batch.taken))
    return Settlement(history=pack(settled))


def settle(redis: Redis, at: int = NOW, start: int = 0) -> str:
    """A batch of a hundred people comes and goes."""
    put(redis, *names(100, start), at=at)
    (batch_id,) = take_due(redis, at)
    batch = hold(redis, batch_id, at)
    batches.settle(redis, batch, told_of(batch, at), at)
    return batch_id


def kept(redis: Redis) -> list[str]:
    """The batches told of, newest first; and the index, the blobs and the count agree on them."""
    found = history.batches(redis, QUEUE, 1_000)
    assert redis.hlen(keys.queue(QUEUE, "history")) == redis.zcard(keys.queue(QUEUE, "settled")) == len(found)
    assert int(redis.hget(keys.queue(QUEUE), "remembered") or 0) == sum(each.count for each in found)
    return [each.id for each in found]


def person(number: int) -> list[str]:
    return [person_key("email", f"p{number}@example.com")]


def test_what_became_of_a_person_is_found_and_of_nobody_else(redis: Redis) -> None:
    first, second = settle(redis), settle(redis, NOW + 1)
    told = history.of_person(redis, QUEUE, person(7))
    assert [(each.batch.id, each.index, each.outcome) for each in told] == [
        (first, 7, "delivered"),
        (second, 7, "delivered"),
    ]
    assert history.of_person(redis, QUEUE, person(100)) == []
    assert history.since(redis, QUEUE) == NOW


def test_the_batches_settled_last_come_first(redis: Redis) -> None:
    first, second, third = settle(redis), settle(redis, NOW + 1), settle(redis, NOW + 2)
    assert [each.id for each in history.batches(redis, QUEUE, 2)] == [third, second]
    assert kept(redis) == [third, second, first]


def test_they_are_read_in_pages_that_later_ones_do_not_shift(redis: Redis) -> None:
    ids = [settle(redis, NOW) for _ in range(3)] + [settle(redis, NOW + 1)]
    newest, second = history.batches(redis, QUEUE, 2)
    settle(redis, NOW + 2)
    older = history.batches(redis, QUEUE, 9, history.mark(second))
    assert {each.id for each in (newest, second, *older)} == set(ids)
    assert history.batches(redis, QUEUE, 9, history.mark(older[-1])) == []
    assert history.batches(redis, QUEUE, 9, "00-forgotten 100") == []


def test_a_queue_in_which_nothing_was_settled_has_no_history(redis: Redis) -> None:
    assert (history.batches(redis, QUEUE, 9), history.of_person(redis, QUEUE, person(1))) == ([], [])
    assert (history.since(redis, QUEUE), history.trim(redis, [QUEUE], NOW)) == (None, 0)


def test_a_worker_that_lost_its_lease_tells_nothing(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    stale = hold(redis, batch_id)
    fresh = hold(redis, batch_id, NOW + LEASE)
    with pytest.raises(LeaseLost):
        batches.settle(redis, stale, told_of(stale, NOW), NOW)
    assert kept(redis) == []
    batches.settle(redis, fresh, told_of(fresh, NOW), NOW)
    with pytest.raises(LeaseLost):
        batches.settle(redis, fresh, told_of(fresh, NOW), NOW)
    assert kept(redis) == [batch_id], "settled twice, as when an answer was lost, it is told of once"


def test_a_settlement_that_does_not_add_up_tells_nothing(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    batch = hold(redis, batch_id)
    redis.hset(keys.batch(batch_id), "count", 99)
    with pytest.raises(Exception, match="nothing was written"):
        batches.settle(redis, batch, told_of(batch, NOW), NOW)
    assert kept(redis) == []


def test_the_oldest_batches_give_way_to_new_ones(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "TOLD", 250)
    settled = [settle(redis, NOW + i) for i in range(5)]
    assert kept(redis) == [settled[4], settled[3]]


def test_many_that_are_too_many_go_in_portions(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(30):
        settle(redis, NOW + i)
    monkeypatch.setattr(bounds, "TOLD", 100)
    settle(redis, NOW + 30)
    assert len(kept(redis)) == 11, "twenty at a time, so that nobody waits for it long"
    last = settle(redis, NOW + 31)
    assert kept(redis) == [last]


def test_what_is_older_than_thirty_days_goes_with_the_next_batch(redis: Redis) -> None:
    old, edge = settle(redis), settle(redis, NOW + DAY)
    last = settle(redis, NOW + 31 * DAY)
    assert kept(redis) == [last, edge]
    assert old not in kept(redis)


def test_what_is_too_old_goes_also_where_nothing_is_settled_any_more(redis: Redis) -> None:
    for i in range(25):
        settle(redis, NOW + i)
    last = settle(redis, NOW + DAY)
    elsewhere = Queue("default", "audience", "43")
    assert history.trim(redis, [QUEUE, elsewhere], NOW + 30 * DAY) == 0
    assert history.trim(redis, [QUEUE, elsewhere], NOW + 30 * DAY + 25) == 25, "however many they are"
    assert kept(redis) == [last]


def test_housekeeping_sees_to_it(redis: Redis) -> None:
    settle(redis)
    housekeep(redis, NOW + 30 * DAY + 1)
    assert kept(redis) == []


@pytest.fixture
def short_of_memory(redis: Redis) -> Iterator[None]:
    """Less than a fifth of the memory is left, and more than a twentieth."""
    for i in range(3):
        settle(redis, NOW + i)
    redis.set("ballast", b"x" * 30_000_000)  # beside which the rest does not count
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / 0.85))
    yield
    redis.config_set("maxmemory", 0)


@pytest.mark.usefixtures("short_of_memory")
def test_the_history_gives_way_to_what_waits_when_memory_is_short(redis: Redis) -> None:
    assert len(kept(redis)) == 3
    settle(redis, NOW + 3)
    assert kept(redis) == []
    assert redis.hmget(keys.queue(QUEUE), "delivered", "open") == [b"400", b"0"], "and every batch is settled"


def test_a_forgotten_person_is_nobody_in_every_batch(redis: Redis) -> None:
    settle(redis)
    settle(redis, NOW + 1)
    assert history.forget(redis, QUEUE, person(7), NOW + 1) == 2
    assert history.of_person(redis, QUEUE, person(7)) == []
    assert len(history.of_person(redis, QUEUE, person(8))) == 2
    assert [each.count for each in history.batches(redis, QUEUE, 9)] == [100, 100], "the figures stay"
    assert history.forget(redis, QUEUE, person(7), NOW + 1) == 0
    assert len(kept(redis)) == 2


def test_what_was_accepted_after_the_erasure_stays(redis: Redis) -> None:
    settle(redis)
    later = settle(redis, NOW + 10)
    assert history.forget(redis, QUEUE, person(7), NOW + 9) == 1
    assert [each.batch.id for each in history.of_person(redis, QUEUE, person(7))] == [later]


def test_two_erasures_at_the_same_time_both_hold(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(redis)
    written = history._rewritten

    def second_comes_between(*args: object) -> bool:
        monkeypatch.setattr(history, "_rewritten", written)
        history.forget(redis, QUEUE, person(8), NOW)
        return written(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(history, "_rewritten", second_comes_between)
    assert history.forget(redis, QUEUE, person(7), NOW) == 1
    assert [history.of_person(redis, QUEUE, person(number)) for number in (7, 8)] == [[], []]
    assert len(history.of_person(redis, QUEUE, person(9))) == 1


def test_a_batch_that_becomes_too_old_while_somebody_is_forgotten_stays_gone(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(redis)
    written = history._rewritten

    def too_old_now(*args: object) -> bool:
        history.trim(redis, [QUEUE], NOW + 40 * DAY)
        return written(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(history, "_rewritten", too_old_now)
    history.forget(redis, QUEUE, person(7), NOW)
    assert kept(redis) == []
