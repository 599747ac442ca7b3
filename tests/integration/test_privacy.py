"""Of whoever was delivered, Redis holds nothing: neither the ledger nor RQ's own keys."""

from __future__ import annotations

from queues import doorbell  # before rq: it sets RQ's key prefix

# isort: split
import base64
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

import pytest
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from configuration import settings
from queues import batches, dead_letters, keys, pending
from queues.census import count
from queues.clock import now_ms
from scheduler.tick import tick
from tests.support import intake as intakes
from tests.support.posted import membership
from tests.support.recovery import let_time_pass, open_batches
from tests.support.world import QUEUE, SECRET, World

#: What stands in every value of a person here.
MARKERS = (b"canary", b"4155552671")


def values(redis: Any, key: bytes) -> list[bytes]:
    """Everything a key holds."""
    match redis.type(key):
        case b"string":
            return [redis.get(key)]
        case b"hash":
            return list(chain(*redis.hgetall(key).items()))
        case b"list":
            return list(redis.lrange(key, 0, -1))
        case b"set":
            return list(redis.smembers(key))
        case b"zset":
            return list(redis.zrange(key, 0, -1))
        case b"stream":
            return [value for _, fields in redis.xrange(key) for value in chain(*fields.items())]
    raise AssertionError(f"keys of the type of {key!r} are not looked into")


def forms(value: bytes) -> Iterator[bytes]:
    """The value as it is, and as RQ packs what it keeps."""
    yield value
    with suppress(zlib.error):
        yield zlib.decompress(value)
    with suppress(ValueError, zlib.error):
        yield zlib.decompress(base64.b64decode(value))


def holding(redis: Redis, *markers: bytes) -> set[str]:
    """The keys that hold a marker, in their name or anywhere in their value."""
    texts = {key: [key, *(form for value in values(redis, key) for form in forms(value))] for key in redis.scan_iter()}
    return {
        key.decode()
        for key, found in texts.items()
        if any(marker in text.lower() for text in found for marker in markers)
    }


def post(redis_url: str) -> None:
    """Messages of both kinds, about people who join, change, leave, and cannot be delivered."""
    person = {
        "email": "Canary-1@example.com",
        "phone": "+14155552671",
        "external_id": "canary-1",
        "attributes": {"first_name": "Canary", "canary": "yes"},
    }
    changes = [
        {"action": "add", **person},
        {"action": "add", "email": "canary-2@example.com"},
        {"action": "update", "email": "canary-2@example.com", "attributes": {"city": "Canary Wharf"}},
        {"action": "remove", "email": "canary-3@example.com"},
        {"action": "add", "email": "fail+blocked@canary.example.com"},
        {"action": "add", "email": "canary is no address"},
        {"action": "jump", "email": "canary-4@example.com"},
    ]
    body = {"audience": {"id": "42", "name": "VIPs"}, "changes": changes}
    with intakes.running(intakes.known(redis_url, secret_keys=(SECRET,))) as intake:
        assert intake.post("/v1/changes", body, Idempotency_Key="m-1").json()["accepted"] == 6
        joins = membership("canary-5@example.com")
        joins["user_profiles"][0]["audiences"][0]["audience_name"] = "Members"
        assert intake.post("/v1/mparticle", joins).status_code == 202


def work(redis: Redis) -> None:
    """Schedule, and let RQ's own worker deliver, until nothing is open."""
    worker = SimpleWorker([doorbell.rq_queue(redis)], connection=redis, serializer=JSONSerializer)
    for queue in pending.all_queues(redis):
        pending.flush(redis, queue, now_ms())
    for _ in range(20):
        let_time_pass(redis)
        tick(redis, settings.load().connections, now_ms())
        worker.work(burst=True, logging_level="WARNING")
        if not open_batches(redis):
            return
    raise AssertionError("batches stay open")


def test_after_a_drain_only_dead_letters_hold_anything_of_a_person(world: World, redis_url: str) -> None:
    redis = world.redis
    post(redis_url)
    assert keys.queue(QUEUE, "pending") in holding(redis, *MARKERS), "or nothing would be found anywhere"
    work(redis)
    assert {"Canary-1@example.com".lower(), "canary-2@example.com"} <= {name.lower() for name in world.members()}
    letters = {keys.queue(QUEUE, "dead")}
    assert holding(redis, *MARKERS) == letters
    assert {letter.reason for letter in dead_letters.read(redis, QUEUE)} >= {"email_invalid", "malformed"}
    dead_letters.purge(redis, QUEUE, [letter.id for letter in dead_letters.read(redis, QUEUE)])
    assert holding(redis, *MARKERS) == set()
    assert redis.hlen(keys.queue(QUEUE, "buried")) == redis.scard(keys.queue(QUEUE, "open")) == 0


def test_a_delivery_that_broke_leaves_a_batch_id_in_rq_and_nothing_of_a_person(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(delivery: Any) -> None:
        raise RuntimeError(f"cannot upload {bytes(delivery.batch.changes[0].body.person)!r}")

    world.change("add", "canary@example.com")
    with monkeypatch.context() as patch:
        patch.setattr("worker.audience.kind.upload", broken)
        batch_id = world.take()
        tick(world.redis, settings.load().connections, now_ms())
        worker = SimpleWorker([doorbell.rq_queue(world.redis)], connection=world.redis, serializer=JSONSerializer)
        worker.work(burst=True, logging_level="ERROR")
    (failed,) = doorbell.rq_queue(world.redis).failed_job_registry.get_job_ids()
    assert failed.partition("_")[0] == batch_id
    assert any(key.startswith("{ferry-rq}") for key in holding(world.redis, b"runtimeerror")), "its end can be read"
    assert holding(world.redis, b"canary") == {keys.batch(batch_id, "changes")}, "the batch is still open"
    work(world.redis)
    assert holding(world.redis, b"canary") == set()
    assert count(world.redis, [QUEUE])[0].delivered == 1


def test_a_lease_that_was_lost_is_no_failure_to_keep(world: World) -> None:
    world.change("add", "canary@example.com")
    batch_id = world.take()
    assert batches.reclaim(world.redis, batch_id, now_ms(), 60_000) is not None
    doorbell.ring(world.redis, [batch_id], now_ms())
    worker = SimpleWorker([doorbell.rq_queue(world.redis)], connection=world.redis, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="WARNING")
    assert doorbell.rq_queue(world.redis).failed_job_registry.count == 0
