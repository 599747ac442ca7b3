"""Redis carries a call out and its reply is lost: the caller asks again, and is told the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from queues import batches, keys, scripts
from queues.clock import now_ms
from queues.server.connection import connect
from tests.support.proxy import Proxy
from tests.support.world import World

LEASE = 60_000


@pytest.fixture
def proxy(redis: Redis, redis_url: str) -> Iterator[Proxy]:
    redis.script_load(scripts.text("reclaim"))
    with Proxy(redis_url) as found:
        yield found


@pytest.fixture
def worker(proxy: Proxy) -> Iterator[Redis]:
    with connect(f"redis://127.0.0.1:{proxy.port}/0") as client:
        yield client


@pytest.fixture
def batch_id(redis: Redis) -> str:
    world = World(redis, "")
    world.change("add", "a@example.com")
    return world.take()


def test_a_worker_that_asks_again_for_a_batch_gets_the_lease_it_was_given_and_has_not_crashed(
    proxy: Proxy, worker: Redis, batch_id: str
) -> None:
    proxy.reset_at(1, "after")
    batch = batches.reclaim(worker, batch_id, now_ms(), LEASE)
    assert proxy.sprung
    assert proxy.seen[:2] == ["EVALSHA", "EVALSHA"]
    assert batch is not None
    assert (batch.token, batch.crashes) == (1, 0)
    batches.renew(worker, batch, now_ms(), LEASE)


def test_another_worker_does_not_get_the_batch_meanwhile(
    proxy: Proxy, worker: Redis, redis: Redis, batch_id: str
) -> None:
    proxy.reset_at(1, "after")
    batch = batches.reclaim(worker, batch_id, now_ms(), LEASE)
    assert batch is not None
    assert batches.reclaim(redis, batch_id, now_ms(), LEASE) is None
    assert redis.hmget(keys.batch(batch_id), "token", "crashes") == [b"1", b"0"]
