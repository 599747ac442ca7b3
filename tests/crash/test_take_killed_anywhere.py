"""A scheduler dies at each call with which it takes a batch in portions: what it has taken is delivered."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Literal

import pytest
from redis import Redis

from queues import batches, keys, pending, scripts
from queues.policy import FlushPolicy
from queues.settlement import Settlement
from tests.support.ledger import LEASE, NOW, QUEUE, hold, people, put, take_due
from tests.support.mortal import Died, Mortal

POLICY = FlushPolicy(size=1, upload_max=6)
#: The first batch has six people and Ann's later changes, in other portions; Gil is the seventh person.
CHANGES = ["ann", "ben", "cid", "ann", "dan", "eve", "fay", "gil", "ann"]


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "TAKEN_AT_ONCE", 2)


def check_balance(redis: Redis) -> None:
    total, is_open, delivered = redis.hmget(keys.queue(QUEUE), "accepted", "open", "delivered")
    pending_now = redis.llen(keys.queue(QUEUE, "pending"))
    assert int(total or 0) == pending_now + int(is_open or 0) + int(delivered or 0)


def test_a_batch_in_portions_is_like_any_other(redis: Redis) -> None:
    put(redis, *CHANGES, policy=POLICY)
    batch_id, *others = take_due(redis, NOW, POLICY)
    assert (others, batches.to_ring(redis, NOW)) == ([], [batch_id])
    batch = hold(redis, batch_id)
    assert people(batch) == [*CHANGES[:7], "ann"]
    put(redis, "ann", policy=POLICY)
    assert take_due(redis, NOW, POLICY) != [], "Gil, and not Ann, who is in an open batch"
    assert redis.llen(keys.queue(QUEUE, "pending")) == 1
    assert redis.exists(keys.batch(batch_id, "persons")) == 0
    batches.settle(redis, batch, Settlement(), NOW)
    check_balance(redis)


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_was_taken_is_rung_for_and_the_rest_is_taken_next_time(
    redis: Redis, when: Literal["before", "after"]
) -> None:
    with Mortal() as mortal:
        for number in count(1):
            redis.flushall()
            put(redis, *CHANGES, policy=POLICY)
            mortal.kill_at(number, when)
            with suppress(Died):
                take_due(redis, NOW, POLICY)
            died = mortal.revive()
            check_balance(redis)
            delivered: list[str] = []
            at = NOW
            while len(delivered) < len(CHANGES):
                at += pending.FILLING_MS + LEASE
                take_due(redis, at, POLICY)
                for batch_id in batches.to_ring(redis, at):
                    batch = hold(redis, batch_id, at)
                    assert len(set(people(batch))) <= POLICY.upload_max
                    delivered += people(batch)
                    batches.settle(redis, batch, Settlement(), at)
                    check_balance(redis)
            assert sorted(delivered) == sorted(CHANGES)
            if not died:
                assert mortal.seen.count("EVALSHA take") > 3, mortal.seen
                return


def test_a_worker_who_was_rung_in_between_keeps_its_batch(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    put(redis, *CHANGES, policy=POLICY)
    run = scripts.run
    held: list[batches.Batch] = []

    def slow(redis: Redis, name: str, own_keys: list[str], args: list[object]) -> object:
        answer = run(redis, name, own_keys, args)
        for batch_id in [] if held else batches.to_ring(redis, NOW + pending.FILLING_MS):
            held.append(hold(redis, batch_id, NOW + pending.FILLING_MS))
        return answer

    monkeypatch.setattr(scripts, "run", slow)
    take_due(redis, NOW, POLICY)
    assert [people(batch) for batch in held] == [CHANGES[:2]]
    assert people(hold(redis, held[0].id, NOW + 2 * pending.FILLING_MS + LEASE)) == CHANGES[:2]


def test_a_repeated_call_whose_answer_was_lost_takes_no_more_than_a_batch_may_have(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(redis, *CHANGES, policy=POLICY)
    run = scripts.run

    def twice(redis: Redis, name: str, own_keys: list[str], args: list[object]) -> object:
        if name == "take" and args[8] != 0:
            run(redis, name, own_keys, args)
        return run(redis, name, own_keys, args)

    monkeypatch.setattr(scripts, "run", twice)
    (batch_id,) = take_due(redis, NOW, POLICY)
    assert batches.to_ring(redis, NOW) == [batch_id]
    assert people(hold(redis, batch_id)) == CHANGES[:4]
    check_balance(redis)
