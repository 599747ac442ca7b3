"""A batch that rests is given to nobody before its time, and to the first who asks from then on."""

from __future__ import annotations

from redis import Redis

from queues import batches
from tests.support.ledger import NOW, QUEUE, hold, on_every_server, put, take_due
from tests.support.people import names

pytestmark = on_every_server

LEASE_MS, REST_MS = 90_000, 180_000


def given_back(redis: Redis, *, rests: bool) -> str:
    put(redis, *names(100))
    (batch_id,) = take_due(redis, NOW)
    batches.submit(redis, hold(redis, batch_id), b"{}", ring_at=NOW + REST_MS, rests=rests)
    return batch_id


def test_a_batch_that_rests_is_given_to_nobody_before_its_time_and_no_crash_is_counted(redis: Redis) -> None:
    batch_id = given_back(redis, rests=True)
    batches.hasten(redis, QUEUE, NOW)
    assert batches.to_ring(redis, NOW) == [batch_id], "who ends a hold knows of no rest"
    assert batches.reclaim(redis, batch_id, NOW + REST_MS - 1, LEASE_MS) is None
    batch = batches.reclaim(redis, batch_id, NOW + REST_MS, LEASE_MS)
    assert batch is not None
    assert batch.crashes == 0


def test_one_that_only_waits_is_given_to_whoever_is_rung_before(redis: Redis) -> None:
    assert batches.reclaim(redis, given_back(redis, rests=False), NOW, LEASE_MS) is not None
