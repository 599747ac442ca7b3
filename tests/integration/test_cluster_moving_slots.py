"""A slot moves to another node, key by key, while its queues are in use: each script sees all of its keys, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from queues import batches, dead_letters, figures, holds, keys
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.census import count
from queues.counts import QueueCount
from queues.figures import Totals
from queues.policy import FlushPolicy
from queues.server.cluster_sync import Cluster, Pipeline
from queues.server.connection import connect
from queues.settlement import Settlement
from tests.support import oracle
from tests.support.cluster import Nodes, cluster_of
from tests.support.kept_figures import assert_kept
from tests.support.ledger import NOW, QUEUE, change, hold, take_due
from tests.support.waiting import until

POLICY = FlushPolicy(size=2, upload_max=2)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with cluster_of(tmp_path_factory.mktemp("nodes"), 2) as found:
        yield found


@pytest.fixture
def redis(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client that repeats a refused command only to follow a redirection: the slot moves when this test says so."""
    for kind in (Cluster, Pipeline):
        monkeypatch.setattr(kind, "RedisClusterRequestTTL", 2)
    with connect(nodes.url) as client:
        known: Any = client
        known._client().retry = Retry(NoBackoff(), 0)
        client.flushall()
        yield client


def put(redis: Any, message: str, *people: str) -> None:
    dead = [DeadOnArrival(change(f"dead-{message}"), "malformed", "$")]
    accept(redis, Acceptance(QUEUE, POLICY, message, [change(each) for each in people], dead, b'{"name":"VIPs"}'), NOW)


def deeds(batch: batches.Batch) -> list[Callable[[Any], object]]:
    """What the processes do to a queue."""
    return [
        lambda redis: put(redis, "known", "a@example.com"),
        lambda redis: put(redis, "", "later@example.com"),
        lambda redis: holds.place(redis, QUEUE, holds.Hold("operator", NOW)),
        lambda redis: holds.release(redis, QUEUE),
        lambda redis: batches.submit(redis, batch, b"", fails=True),
        lambda redis: batches.submit(redis, batch, b"", fails=False),
        lambda redis: figures.recount(redis, [QUEUE]),
        lambda redis: dead_letters.replay(redis, QUEUE, ["0-1"], NOW),
    ]


def seen(redis: Any) -> tuple[QueueCount, Totals | None]:
    """What pages and metrics read of all queues. Raises RedisError."""
    (counted,) = count(redis, [QUEUE])
    return counted, figures.read(redis)


@pytest.mark.parametrize("last", ["q:", "rows", "queues"])
def test_what_is_done_while_a_slot_moves_is_done_wholly_or_not_at_all(nodes: Nodes, redis: Any, last: str) -> None:
    put(redis, "known", "a@example.com", "b@example.com")
    (batch_id,) = take_due(redis, NOW, POLICY)
    batch = hold(redis, batch_id)
    put(redis, "more", "c@example.com")
    tag = keys.partition(QUEUE.partition, "")
    target = next(port for port in nodes.ports if port != nodes.owner(tag))
    at_first = seen(redis)
    for _ in nodes.moving(tag, target, last=tag + last):
        for deed in deeds(batch):
            with suppress(RedisError):
                deed(redis)
        with suppress(RedisError):
            assert seen(redis) == at_first, "some keys were missing, and nobody was told"
    until(lambda: nodes.owner(tag) == target, "the nodes know who has the slot")
    assert seen(redis) == at_first
    assert_kept(redis)
    for deed in deeds(batch):
        deed(redis)
    batches.settle(redis, batch, Settlement(), NOW)
    assert oracle.balance(redis) == []
    assert_kept(redis)
