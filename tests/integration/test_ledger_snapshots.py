"""Snapshots on a real server: a body is kept whole or not at all, and the record says how it goes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError

from queues import keys, pending, round_trips
from queues.batches import settle
from queues.census import count, take_census
from queues.change import decode, is_nobody
from queues.errors import QueueFull, SnapshotGone
from queues.group_commit import GroupCommit
from queues.policy import OF_KIND, decide
from queues.settlement import Settlement
from queues.snapshots import orders, records
from queues.snapshots import orders as staging
from queues.snapshots.orders import Counts, Record, SnapshotOrder
from tests.support.ledger import NOW, hold, on_every_server

pytestmark = on_every_server
QUEUE = orders.queue_of("default", "42")


def stage(redis: Redis, *pieces: bytes) -> str:
    snapshot_id = orders.new_id(QUEUE)
    for number, piece in enumerate(pieces):
        orders.stage(redis, snapshot_id, number, orders.compress(piece))
    return snapshot_id


def of(snapshot_id: str, size: int, at: int = NOW) -> Record:
    return Record(str(QUEUE), SnapshotOrder(snapshot_id, at, "csv", name="VIPs"), at, size)


def submit(redis: Redis, *pieces: bytes, at: int = NOW) -> str:
    snapshot_id = stage(redis, *pieces)
    orders.submit(redis, QUEUE, of(snapshot_id, sum(map(len, pieces)), at), b'{"name":"VIPs"}', at)
    return snapshot_id


def pttl(redis: Redis, snapshot_id: str, part: str = "") -> int:
    return int(redis.pttl(keys.snapshot(snapshot_id, part)))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=200), max_size=12), st.integers(0, 3))
def test_a_body_comes_back_as_it_was_staged_however_often_a_piece_was_sent(
    redis: Redis, pieces: list[bytes], again: int
) -> None:
    snapshot_id = submit(redis, *pieces)
    for number, piece in [*enumerate(pieces)][:again]:
        orders.stage(redis, snapshot_id, number, orders.compress(piece))
    assert list(orders.body(redis, snapshot_id)) == pieces


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_body_of_which_a_piece_is_lost_is_no_shorter_body(redis: Redis, lost: int) -> None:
    snapshot_id = submit(redis, b"one\n", b"two\n", b"three\n")
    redis.hdel(keys.snapshot(snapshot_id, "body"), str(lost))
    with pytest.raises(SnapshotGone, match="send it again"):
        list(orders.body(redis, snapshot_id))


def test_a_body_that_is_gone_or_was_never_submitted_is_no_empty_list_and_an_empty_one_is(redis: Redis) -> None:
    gone = submit(redis, b"one\n")
    redis.delete(keys.snapshot(gone, "body"))
    for snapshot_id in (gone, stage(redis, b"one\n"), orders.new_id(QUEUE)):
        with pytest.raises(SnapshotGone):
            list(orders.body(redis, snapshot_id))
    assert list(orders.body(redis, submit(redis))) == []


def test_what_is_staged_and_not_submitted_goes_away_by_itself(redis: Redis) -> None:
    snapshot_id = stage(redis, b"one\n")
    redis.pexpire(keys.snapshot(snapshot_id, "body"), 1_000)
    orders.stage(redis, snapshot_id, 1, orders.compress(b"two\n"))
    assert 1_000 < pttl(redis, snapshot_id, "body") <= staging.STAGED_MS, "counted from the last piece"
    assert orders.record(redis, snapshot_id) is None
    assert orders.records(redis, QUEUE) == []


def test_a_body_for_which_there_is_no_room_is_let_go(redis: Redis) -> None:
    snapshot_id = stage(redis, b"one\n")
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / 0.9) - 1)
    try:
        with pytest.raises(OutOfMemoryError, match="tenth of the memory"):
            orders.stage(redis, snapshot_id, 1, orders.compress(b"two\n"))
    finally:
        redis.config_set("maxmemory", 0)
    assert list(redis.scan_iter("ferry:*:s:*")) == []


def test_a_snapshot_that_is_submitted_is_a_change_of_its_queue_that_is_due_at_once(redis: Redis) -> None:
    snapshot_id = submit(redis, b"one\n")
    assert pending.due(redis, NOW) == [QUEUE]
    (stored,) = cast("list[bytes]", redis.lrange(keys.queue(QUEUE, "pending"), 0, -1))
    change = decode(stored)
    assert (change.body.action, change.body.at, change.body.source) == ("replace", NOW, "snapshot")
    assert orders.order_of(bytes(change.body.person)) == SnapshotOrder(snapshot_id, NOW, "csv", name="VIPs")
    assert all(map(is_nobody, change.keys))
    assert orders.audience_of(QUEUE).target == "42"


def test_snapshots_of_one_audience_are_of_one_person_and_of_others_not(redis: Redis) -> None:
    one, two = (orders.change_of(QUEUE, of(name, 0).order, NOW) for name in ("07-1", "07-2"))
    other = orders.change_of(orders.queue_of("default", "43"), of("07-3", 0).order, NOW)
    assert decode(one).keys == decode(two).keys != decode(other).keys


def test_the_census_counts_snapshots_as_it_counts_everything(redis: Redis) -> None:
    submit(redis, b"one\n")
    (found,) = take_census(redis).queues
    policy = OF_KIND["snapshot"]
    assert (found.queue, found.name) == (QUEUE, "VIPs")
    assert (found.policy.size, found.policy.age_ms) == (policy.size, policy.age_ms)
    (seen,) = pending.look(redis, [QUEUE])
    decision = decide(seen.waiting, policy, NOW)
    assert decision == ("size", 1)
    batch_id = pending.take(redis, seen, *decision, NOW)
    assert batch_id
    (found,) = count(redis, [QUEUE])
    assert [(batch.count, batch.stage) for batch in found.batches] == [(1, "upload")]
    settle(redis, hold(redis, batch_id), Settlement(), NOW)
    (found,) = count(redis, [QUEUE])
    assert (found.accepted, found.delivered, found.missing) == (1, 1, 0)


def test_a_body_waits_a_week_for_a_worker_and_then_as_long_as_that_takes(redis: Redis) -> None:
    snapshot_id = submit(redis, b"one\n")
    for part in ("", "body"):
        assert staging.STAGED_MS < pttl(redis, snapshot_id, part) <= records.SUBMITTED_MS
    orders.keep(redis, snapshot_id)
    assert (pttl(redis, snapshot_id), pttl(redis, snapshot_id, "body")) == (-1, -1)


def test_a_body_whose_launch_is_a_month_away_is_still_there_then(redis: Redis) -> None:
    snapshot_id, month = stage(redis, b"one\n"), 30 * 86_400_000
    record = Record(str(QUEUE), SnapshotOrder(snapshot_id, NOW, "csv", not_before=NOW + month), NOW, 4)
    orders.submit(redis, QUEUE, record, b"", NOW)
    for part in ("", "body"):
        assert month < pttl(redis, snapshot_id, part) <= month + records.SUBMITTED_MS


def test_the_record_tells_how_it_goes_and_stays_for_a_month_after_the_end(redis: Redis) -> None:
    snapshot_id = submit(redis, b"one\n")
    known = orders.record(redis, snapshot_id)
    assert known is not None
    assert known == of(snapshot_id, 4)
    known.state, known.counts, known.examples = "comparing", Counts(rows=1, shrink={"email_invalid": 1}), {"x": [1]}
    orders.note(redis, known)
    assert orders.record(redis, snapshot_id) == known
    assert 0 < pttl(redis, snapshot_id) <= records.SUBMITTED_MS
    known.state, known.ended = "delivered", NOW + 5
    orders.close(redis, known)
    assert orders.record(redis, snapshot_id) == known
    assert records.SUBMITTED_MS < pttl(redis, snapshot_id) <= records.RECORD_MS
    assert not redis.exists(keys.snapshot(snapshot_id, "body"))


def test_a_worker_that_slept_through_the_end_does_not_open_the_record_again(redis: Redis) -> None:
    ended = of(submit(redis, b"one\n"), 4)
    slept = of(ended.order.snapshot, 4)
    ended.state, ended.ended, slept.state = "delivered", NOW, "comparing"
    orders.close(redis, ended)
    orders.note(redis, slept)
    assert orders.record(redis, ended.order.snapshot) == ended
    redis.delete(keys.snapshot(ended.order.snapshot))
    orders.note(redis, slept)
    assert orders.record(redis, ended.order.snapshot) is None


def test_submitting_again_changes_nothing(redis: Redis) -> None:
    snapshot_id = submit(redis, b"one\n")
    known = of(snapshot_id, 4)
    known.state = "comparing"
    orders.note(redis, known)
    assert not orders.submit(redis, QUEUE, of(snapshot_id, 4), b"", NOW).fresh
    assert orders.record(redis, snapshot_id) == known
    assert redis.llen(keys.queue(QUEUE, "pending")) == 1


def test_the_last_hundred_records_of_an_audience_are_told_newest_first(redis: Redis) -> None:
    ids = [submit(redis, b"", at=NOW + i) for i in range(records.RECORDS + 3)]
    assert [known.order.snapshot for known in orders.records(redis, QUEUE)] == ids[:2:-1]
    redis.delete(keys.snapshot(ids[-1]))
    assert [known.order.snapshot for known in orders.records(redis, QUEUE)] == ids[-2:2:-1]


def test_of_a_snapshot_for_which_the_ledger_has_no_room_nothing_is_left(redis: Redis) -> None:
    snapshot_id = stage(redis, b"one\n")
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / 0.9) - 1)
    try:
        with pytest.raises(OutOfMemoryError):
            orders.submit(redis, QUEUE, of(snapshot_id, 4), b"", NOW)
    finally:
        redis.config_set("maxmemory", 0)
    assert [key for key in redis.scan_iter() if b":s:" in key or b":syncs" in key] == []


def test_nor_of_one_whose_queue_is_full(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    submit(redis, b"one\n")
    kept = set(redis.scan_iter())

    def full(*_: object) -> None:
        raise QueueFull(str(QUEUE))

    monkeypatch.setattr(orders, "accept", full)
    with pytest.raises(QueueFull):
        submit(redis, b"two\n")
    assert set(redis.scan_iter()) == kept


def asynchronously(url: str, do: Callable[[AsyncRedis], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with AsyncRedis.from_url(url) as client:
            return await do(client)

    return asyncio.run(run())


def state(redis: Redis) -> dict[bytes, Any]:
    """Everything in Redis by key."""
    kinds: dict[bytes, Callable[[bytes], Any]] = {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"set": redis.smembers,
        b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
    }
    found = (key for key in redis.scan_iter() if key != keys.WAKE.encode())
    return {key: kinds[cast(bytes, redis.type(key))](key) for key in found}


def test_an_intake_writes_down_what_a_command_does(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_trips, "now_ms", lambda: NOW)
    snapshot_id = f"{QUEUE.partition:02d}-{uuid.UUID(int=1).hex}"
    record = of(snapshot_id, 4)
    orders.stage(redis, snapshot_id, 0, orders.compress(b"one\n"))
    orders.submit(redis, QUEUE, record, b'{"name":"VIPs"}', NOW)
    expected = state(redis)
    redis.flushall()

    async def intake(client: AsyncRedis) -> int:
        await orders.stage_async(client, snapshot_id, 0, orders.compress(b"one\n"))
        async with client.pipeline(transaction=True) as pipe:
            orders.opened(pipe, QUEUE, record)
            await pipe.execute()
        await GroupCommit(client).accept([orders.acceptance_of(QUEUE, record, b'{"name":"VIPs"}', NOW)])
        return await orders.kept_async(client, snapshot_id)

    assert asynchronously(redis_url, intake) == 1
    assert state(redis) == expected
