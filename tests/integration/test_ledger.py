"""The ledger on a real server: what each transition does and refuses."""

from __future__ import annotations

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from queues import batches, keys, pending
from queues.acceptance import Acceptance, accept
from queues.policy import FlushPolicy
from queues.settlement import Settlement
from tests.support.ledger import HOUR, NOW, QUEUE, change, hold, on_every_server, people, put, take_due
from tests.support.people import names

pytestmark = on_every_server


def test_the_hundredth_change_makes_the_queue_due_and_says_so_once(redis: Redis) -> None:
    assert not put(redis, *names(99))
    assert pending.due(redis, NOW) == []
    assert put(redis, "last@example.com")
    assert not put(redis, "later@example.com")
    assert pending.due(redis, NOW) == [QUEUE]


def test_two_hundred_and_fifty_changes_become_two_batches_and_fifty_wait(redis: Redis) -> None:
    put(redis, *names(250))
    first, second = take_due(redis, NOW), take_due(redis, NOW)
    assert [len(hold(redis, b).changes) for b in first + second] == [100, 100]
    assert take_due(redis, NOW) == []
    assert pending.look(redis, [QUEUE])[0].waiting.pending == 50


def test_a_change_waits_sixteen_hours_and_no_longer(redis: Redis) -> None:
    put(redis, "a@example.com")
    assert pending.due(redis, NOW + 16 * HOUR - 1) == []
    assert len(take_due(redis, NOW + 16 * HOUR)) == 1


def test_sixteen_hours_count_from_the_last_upload_too(redis: Redis) -> None:
    put(redis, *names(100))
    take_due(redis, NOW)
    assert put(redis, "a@example.com", at=NOW + 20 * HOUR), "a long quiet spell ends: due at once"
    assert len(take_due(redis, NOW + 20 * HOUR)) == 1


def test_age_takes_everything_that_waits_in_uploads_of_the_greatest_size(redis: Redis) -> None:
    policy = FlushPolicy(size=1000, upload_max=100)
    put(redis, "old@example.com", policy=policy)
    put(redis, *names(249), at=NOW + HOUR, policy=policy)
    sizes = []
    while taken := take_due(redis, NOW + 16 * HOUR, policy):
        sizes += [len(hold(redis, b).changes) for b in taken]
    assert sizes == [100, 100, 50]


def test_an_operators_flush_takes_what_waits_now_and_not_what_comes_later(redis: Redis) -> None:
    put(redis, *names(30))
    assert pending.flush(redis, QUEUE, NOW) == 30
    put(redis, *names(5, start=30))
    assert [len(hold(redis, b).changes) for b in take_due(redis, NOW)] == [30]
    assert take_due(redis, NOW) == []


def test_two_schedulers_that_saw_the_same_queue_take_one_batch(redis: Redis) -> None:
    put(redis, *names(150))
    (seen,) = pending.look(redis, [QUEUE])
    assert pending.take(redis, seen, "size", 100, NOW) is not None
    assert pending.take(redis, seen, "size", 100, NOW) is None
    assert pending.look(redis, [QUEUE])[0].waiting.pending == 50


def test_a_repeated_message_is_stored_once(redis: Redis) -> None:
    put(redis, "a@example.com", message="m1")
    repeated = accept(redis, Acceptance(QUEUE, FlushPolicy(), "m1", [change("a@example.com")]), NOW)
    assert not repeated.fresh
    assert redis.hget(keys.queue(QUEUE), "accepted") == b"1"


def test_a_repeated_message_is_recognised_when_the_memory_is_full(redis: Redis) -> None:
    put(redis, "a@example.com", message="m1")
    redis.config_set("maxmemory", redis.info("memory")["used_memory"] // 2)
    try:
        repeated = accept(redis, Acceptance(QUEUE, FlushPolicy(), "m1", [change("a@example.com")]), NOW)
        with pytest.raises(OutOfMemoryError):
            accept(redis, Acceptance(QUEUE, FlushPolicy(), "m2", [change("a@example.com")]), NOW)
    finally:
        redis.config_set("maxmemory", 0)
    assert not repeated.fresh
    assert redis.llen(keys.queue(QUEUE, "pending")) == 1


def test_take_passes_over_a_person_of_an_open_batch_and_goes_on_behind(redis: Redis) -> None:
    put(redis, *names(100))
    (first,) = take_due(redis, NOW)
    put(redis, "new@example.com", "p7@example.com", *names(98, start=200))
    (second,) = take_due(redis, NOW)
    assert people(hold(redis, second)) == ["new@example.com", *names(98, start=200)]
    pending.flush(redis, QUEUE, NOW)
    assert take_due(redis, NOW) == [], "p7 must wait for the first batch"
    assert batches.settle(redis, hold(redis, first), Settlement(), NOW), "settling tells that the queue is due"
    (third,) = take_due(redis, NOW)
    assert people(hold(redis, third)) == ["p7@example.com"]


def test_a_new_policy_is_filed_in_the_due_index(redis: Redis) -> None:
    put(redis, "a@example.com")
    assert pending.due(redis, NOW + 60_000) == []
    pending.set_policies(redis, {QUEUE: FlushPolicy(age_ms=60_000)}, NOW)
    assert pending.due(redis, NOW + 60_000) == [QUEUE]


def test_scripts_are_loaded_again_after_a_script_flush(redis: Redis) -> None:
    put(redis, "a@example.com")
    redis.script_flush()
    put(redis, "b@example.com")
    assert pending.look(redis, [QUEUE])[0].waiting.pending == 2
