"""A worker that forgets somebody dies at each request it makes; the next one goes on, and nothing of them is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import msgspec
import pytest
from redis import Redis

from emulator.world import World
from queues import consents, keys, pending
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.census import count
from queues.change import Action, Body, encode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.policy import OF_KIND, FlushPolicy
from queues.server import connect_async
from scheduler.tick import tick
from tests.crash.test_kinds_killed_anywhere import SLOW, Slow, dies_everywhere
from tests.support import oracle
from tests.support.emulator_api import Api
from tests.support.hut import hut_of, lift_limits
from tests.support.model import address

AUDIENCE, PROFILES, ERASURES = (
    Queue("default", "audience", "42"),
    Queue("default", "profile", "profiles"),
    Queue("default", "erasure", "erasures"),
)
ANN, BOB = address(0), address(1)
#: Ann has another key, under which things wait that do not name her address.
KEYS = {ANN: (person_key("email", ANN), person_key("mpid", "7:42")), BOB: (person_key("email", BOB),)}


@pytest.fixture
def slow(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    lift_limits(monkeypatch)
    clock = [time.time()]
    world = World(job_seconds=SLOW, limits_off=True, now=lambda: clock[0])
    with hut_of(redis, redis_url, world, monkeypatch) as hut, Api(hut.klaviyo.url) as api:
        yield Slow(hut, api, clock)


def change(action: Action, person: str, keys: tuple[str, ...]) -> bytes:
    fragment = msgspec.Raw(msgspec.json.encode({"email": person}))
    return encode(keys, now_ms(), Body(action, now_ms(), "changes", "m", fragment))


def put(slow: Slow, queue: Queue, *changes: bytes, dead: tuple[bytes, ...] = ()) -> None:
    policy = OF_KIND.get(queue.kind, FlushPolicy())
    letters = [DeadOnArrival(letter, "phone_invalid", "x") for letter in dead]
    accept(slow.hut.redis, Acceptance(queue, policy, "", list(changes), letters, b'{"name":"VIP"}'), now_ms())


def remember(redis_url: str) -> None:
    async def tell() -> None:
        async with connect_async(redis_url) as redis:
            await consents.remember(redis, "default", KEYS[ANN][1:], {"newsletter": (True, 1)})

    asyncio.run(tell())


def test_whoever_asked_to_be_forgotten_is_gone_whatever_request_the_worker_dies_at(slow: Slow, redis_url: str) -> None:
    """Ann is in an open batch, waits in two queues, is a dead letter, and has consented under her other key.

    To that key one change leads, which is erased among the first.
    """
    redis = slow.hut.redis

    def arrange() -> None:
        slow.empty()
        remember(redis_url)
        put(slow, AUDIENCE, *(change("add", person, KEYS[person][:1]) for person in (ANN, BOB)))
        pending.flush(redis, AUDIENCE, now_ms())
        tick(redis, slow.hut.connections, now_ms())
        put(slow, PROFILES, change("update", ANN, KEYS[ANN]), change("update", BOB, KEYS[BOB]))
        put(slow, AUDIENCE, change("update", ANN, KEYS[ANN][1:]), dead=(change("update", ANN, KEYS[ANN][:1]),))
        put(slow, ERASURES, change("erase", ANN, KEYS[ANN][:1]))

    def check() -> None:
        assert slow.api.person(ANN) is None
        assert slow.api.members("VIP") == [BOB]
        assert redis.keys("ferry:consents:*") == []
        assert oracle.balance(redis) == []
        audience, profiles, erasures = count(redis, [AUDIENCE, PROFILES, ERASURES])
        counted = (audience.delivered, audience.superseded, audience.dead, audience.waiting.pending)
        assert counted == (2, 2, 0, 0), (audience, redis.lrange(keys.queue(AUDIENCE, "pending"), 0, -1))
        assert (profiles.superseded, profiles.waiting.pending) == (1, 1)
        assert (erasures.delivered, erasures.dead, erasures.open) == (1, 0, 0)

    seen = dies_everywhere(slow, arrange, check)
    assert "POST /api/data-privacy-deletion-jobs" in seen
