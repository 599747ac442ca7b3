"""Open batches on a real server: who holds one, and how it ends."""

from __future__ import annotations

import msgspec
import pytest
from redis import Redis

from queues import batches, dead_letters, keys
from queues.acceptance import Acceptance, accept
from queues.change import Body, encode, person_key
from queues.errors import LeaseLost
from queues.policy import FlushPolicy
from queues.settlement import Settlement, Undeliverable
from tests.support.ledger import HOUR, LEASE, NOW, QUEUE, hold, letter_of, on_every_server, people, put, take_due
from tests.support.people import names

pytestmark = on_every_server


def test_a_batch_is_held_by_one_worker_until_its_lease_runs_out(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    stale = hold(redis, batch_id)
    assert batches.reclaim(redis, batch_id, NOW + LEASE - 1, LEASE) is None
    assert batches.to_ring(redis, NOW + LEASE - 1) == []
    assert batches.to_ring(redis, NOW + LEASE) == [batch_id]
    fresh = hold(redis, batch_id, NOW + LEASE)
    assert (fresh.token, fresh.crashes) == (stale.token + 1, 1)
    with pytest.raises(LeaseLost):
        batches.renew(redis, stale, NOW + LEASE, LEASE)
    with pytest.raises(LeaseLost):
        batches.submit(redis, stale, b"{}")
    with pytest.raises(LeaseLost):
        batches.settle(redis, stale, Settlement(), NOW + LEASE)
    batches.renew(redis, fresh, NOW + LEASE, LEASE)


def test_changes_are_read_when_they_are_needed_and_not_once_another_worker_has_settled_them(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    stale, early = hold(redis, batch_id), hold(redis, batch_id, NOW + LEASE)
    assert people(early) == names(100)
    batches.settle(redis, hold(redis, batch_id, NOW + 2 * LEASE), Settlement(), NOW)
    with pytest.raises(LeaseLost):
        people(stale)
    assert people(early) == names(100), "it has read them"


def test_a_batch_given_back_is_rung_again_at_its_time_and_keeps_its_progress(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    batches.submit(redis, hold(redis, batch_id), b'{"jobs":["j1"]}', ring_at=NOW + 2000, attempts=1)
    assert batches.to_ring(redis, NOW + 1999) == []
    assert batches.to_ring(redis, NOW + 2000) == [batch_id]
    again = hold(redis, batch_id, NOW + 2000)
    assert (again.progress, again.attempts, again.crashes) == (b'{"jobs":["j1"]}', 1, 0)


def test_ringing_postpones_the_next_ring_and_never_revives_a_settled_batch(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    batches.rung(redis, [batch_id], NOW + 30_000)
    assert batches.to_ring(redis, NOW) == []
    batches.settle(redis, hold(redis, batch_id), Settlement(), NOW)
    batches.rung(redis, [batch_id], NOW + 30_000)
    assert batches.to_ring(redis, NOW + HOUR) == []
    assert batches.reclaim(redis, batch_id, NOW, LEASE) is None


def test_settling_accounts_for_every_change_or_writes_nothing(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    batch = hold(redis, batch_id)
    dead = [Undeliverable(3, "no_email", {}), Undeliverable(4, "no_email", {})]
    batches.settle(redis, batch, Settlement(10, dead), NOW)
    counters = redis.hgetall(keys.queue(QUEUE))
    figures = {k.decode(): int(counters[k]) for k in (b"accepted", b"open", b"delivered", b"dead", b"superseded")}
    assert figures == {"accepted": 100, "open": 0, "delivered": 88, "dead": 2, "superseded": 10}
    assert [letter_of(letter) for letter in dead_letters.read(redis, QUEUE)] == [
        "p3@example.com",
        "p4@example.com",
    ]


def test_a_settled_batch_leaves_no_keys_behind(redis: Redis) -> None:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    batches.settle(redis, hold(redis, batch_id), Settlement(), NOW)
    left = {key.decode().split(":", 2)[2] for key in redis.scan_iter()}
    counted_by_the_hour = {"hours", f"q:{QUEUE}:hours"}
    assert left == {"queues", "steps", "rows", "totals", f"q:{QUEUE}"} | counted_by_the_hour


def test_a_batch_of_ten_thousand_changes_is_taken_and_settled(redis: Redis) -> None:
    policy = FlushPolicy(size=10_000, upload_max=10_000)
    put(redis, *names(10_000), policy=policy)
    (batch_id,) = take_due(redis, NOW, policy)
    batch = hold(redis, batch_id)
    assert len(batch.changes) == 10_000
    batches.settle(redis, batch, Settlement(), NOW)


def test_a_batch_holds_at_most_eight_megabytes(redis: Redis) -> None:
    body = Body("add", NOW, "changes", "m", msgspec.Raw(b'{"x":"%s"}' % (b"x" * 1_000_000)))
    changes = [encode((person_key("email", str(i)),), NOW, body) for i in range(100)]
    accept(redis, Acceptance(QUEUE, FlushPolicy(), "", changes), NOW)
    (batch_id,) = take_due(redis, NOW)
    assert len(hold(redis, batch_id).changes) == 7


def test_a_queue_takes_no_more_batches_while_four_wait_for_their_upload(redis: Redis) -> None:
    put(redis, *names(600))
    taken = [batch_id for _ in range(6) for batch_id in take_due(redis, NOW)]
    assert len(taken) == 4
    batches.submit(redis, hold(redis, taken[0]), b"{}", ring_at=NOW + 2000, sent=True)
    batches.settle(redis, hold(redis, taken[1]), Settlement(), NOW)
    assert len([batch_id for _ in range(6) for batch_id in take_due(redis, NOW)]) == 2
    batches.settle(redis, hold(redis, taken[0], NOW + 2000), Settlement(), NOW)
    assert redis.hget(keys.queue(QUEUE), "unsent") == b"4"
