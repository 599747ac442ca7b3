from __future__ import annotations

import asyncio

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from queues import batches, holds, keys, pending
from queues.clock import now_ms
from queues.holds import Hold
from queues.policy import OF_KIND, decide
from queues.snapshots import guard, orders
from queues.snapshots.guard import GUARD
from queues.snapshots.records import Outcomes
from tests.support.syncing import SNAPSHOTS


@pytest.fixture
def opened(redis: Redis) -> str:
    """The batch of a snapshot that was given back for an hour."""
    order = orders.SnapshotOrder(orders.new_id(SNAPSHOTS), now_ms(), "csv")
    orders.submit(redis, SNAPSHOTS, orders.Record(str(SNAPSHOTS), order, now_ms(), 0), b"", now_ms())
    (seen,) = pending.look(redis, [SNAPSHOTS])
    decision = decide(seen.waiting, OF_KIND["snapshot"], now_ms())
    assert decision is not None
    batch_id = pending.take(redis, seen, *decision, now_ms())
    assert batch_id is not None
    batch = batches.reclaim(redis, batch_id, now_ms(), 60_000)
    assert batch is not None
    batches.submit(redis, batch, b"", now_ms() + 3_600_000)
    redis.delete(keys.WAKE)
    return batch_id


def replace_held(redis: Redis, url: str, *, is_async: bool) -> bool:
    if not is_async:
        return guard.replace_held(redis, SNAPSHOTS)

    async def call() -> bool:
        async with AsyncRedis.from_url(url) as client:
            return await guard.replace_held_async(client, SNAPSHOTS)

    return asyncio.run(call())


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(("reason", "stays"), [(GUARD, False), ("maintenance", True), (None, False)])
def test_a_newer_snapshot_ends_the_guards_hold_only_and_the_older_one_is_looked_at_now(
    redis: Redis, redis_url: str, opened: str, reason: str | None, stays: bool, is_async: bool
) -> None:
    if reason:
        holds.place(redis, SNAPSHOTS, Hold(reason, 1))
    assert replace_held(redis, redis_url, is_async=is_async) is (reason == GUARD)
    assert (holds.of_queue(redis, SNAPSHOTS) is not None) is stays
    assert batches.to_ring(redis, now_ms()) == [opened]


def test_a_confirmation_is_of_one_snapshot(redis: Redis) -> None:
    guard.confirm(redis, SNAPSHOTS, "00-a")
    assert guard.is_confirmed(redis, SNAPSHOTS, "00-a")
    assert not guard.is_confirmed(redis, SNAPSHOTS, "00-b")


def test_whom_a_snapshot_took_off_before_it_was_superseded_counts_as_removed() -> None:
    def ended(state: orders.State, changes: int) -> orders.Record:
        order = orders.SnapshotOrder("00-a", 1, "csv")
        counts, queued = orders.Counts(removals=20), Outcomes(changes=changes)
        return orders.Record(str(SNAPSHOTS), order, 1, 0, state, counts=counts, outcomes=queued, ended=2)

    assert guard.removed_lately([ended("superseded", 25), ended("failed", 25), ended("superseded", 0)], 3) == 40
