"""A worker that forgets somebody dies at each request it makes; the next one goes on, and nothing of them is left."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from queues import holds, keys, pending
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.census import count
from queues.change import Action, Body, encode, person_key
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from queues.people import consents
from queues.policy import OF_KIND, FlushPolicy
from queues.server.connection import connect_async
from scheduler.tick import tick
from tests.support import oracle
from tests.support.model import address
from tests.support.recovery import ROUNDS, open_batches
from tests.support.slow import Slow, dies_everywhere
from worker.deliver import deliver

AUDIENCE, PROFILES, ERASURES = (
    Queue("default", "audience", "42"),
    Queue("default", "profile", "profiles"),
    Queue("default", "erasure", "erasures"),
)
ANN, BOB = address(0), address(1)
#: Ann has another key, under which things wait that do not name her address.
KEYS = {ANN: (person_key("email", ANN), person_key("mpid", "7:42")), BOB: (person_key("email", BOB),)}


def change(action: Action, person: str, keys: tuple[str, ...]) -> bytes:
    """Of mParticle's, with those of the identifiers that the keys are made of."""
    named = {"user_identities": [{"type": "email", "value": person}]} if keys[0] == KEYS[person][0] else {}
    own = {"mpid": "42"} if KEYS[ANN][1] in keys else {}
    fragment = msgspec.Raw(msgspec.json.encode(named | own))
    return encode(keys, now_ms(), Body(action, now_ms(), "mparticle", "m", fragment))


def put(slow: Slow, queue: Queue, *changes: bytes, dead: tuple[bytes, ...] = ()) -> None:
    policy = OF_KIND.get(queue.kind, FlushPolicy())
    letters = [DeadOnArrival(letter, "phone_invalid", "x") for letter in dead]
    accept(slow.system.redis, Acceptance(queue, policy, "", list(changes), letters, b'{"name":"VIP"}'), now_ms())


def remember(redis_url: str) -> None:
    async def tell() -> None:
        async with connect_async(redis_url) as redis:
            await consents.remember(redis, "default", KEYS[ANN][1:], {"newsletter": (True, 1)})

    asyncio.run(tell())


class Held(Slow):
    """The audience's queue is held until the erasure is carried out."""

    def drive(self) -> None:
        redis = self.system.redis
        for _ in range(ROUNDS):
            tick(redis, self.system.connections, now_ms())
            ready = open_batches(redis)
            if not ready:
                return
            if count(redis, [ERASURES])[0].delivered and holds.of_queue(redis, AUDIENCE):
                holds.release(redis, AUDIENCE)
            for batch_id in ready:
                self.wait_for(batch_id)
                deliver(batch_id)
        raise AssertionError("batches are still open")


@pytest.mark.parametrize("case", ["is to be uploaded", "is uploading", "is held"])
def test_whoever_asked_to_be_forgotten_is_gone_whatever_request_the_worker_dies_at(
    slow: Slow, redis_url: str, case: str
) -> None:
    """Ann is at Klaviyo, in an open batch and a dead letter, waits in two queues, has consented under her other key.

    To that key one change leads, which is erased among the first.
    """
    redis = slow.system.redis

    def arrange() -> None:
        slow.empty()
        # Some rounds of a worker's wait: it dies in no later ones.
        slow.system.world.jobs.seconds = 20
        slow.api.make_profile(email=ANN)
        remember(redis_url)
        put(slow, AUDIENCE, *(change("add", person, KEYS[person][:1]) for person in (ANN, BOB)))
        pending.flush(redis, AUDIENCE, now_ms())
        tick(redis, slow.system.connections, now_ms())
        if case == "is held":
            holds.place(redis, AUDIENCE, Hold("operator", now_ms()))
        for batch_id in open_batches(redis) if case == "is uploading" else ():
            deliver(batch_id)
        put(slow, PROFILES, change("update", ANN, KEYS[ANN]), change("update", BOB, KEYS[BOB]))
        put(slow, AUDIENCE, change("update", ANN, KEYS[ANN][1:]), dead=(change("update", ANN, KEYS[ANN][:1]),))
        put(slow, ERASURES, change("erase", ANN, KEYS[ANN][:1]))

    def check() -> None:
        assert slow.api.person(ANN) is None
        assert slow.api.members("VIP") == [BOB]
        assert redis.keys("ferry:consents:*") == []
        assert oracle.balance(redis) == []
        audience, profiles, erasures = count(redis, [AUDIENCE, PROFILES, ERASURES])
        counted = (audience.delivered + audience.superseded, audience.dead, audience.waiting.pending)
        assert counted == (4, 0, 0), (audience, redis.lrange(keys.queue(AUDIENCE, "pending"), 0, -1))
        expected = {"is to be uploaded": (1, 2), "is uploading": (2,), "is held": (1,)}
        assert audience.delivered in expected[case], "Ann is taken out of the batch, or was uploaded before"
        assert (profiles.superseded, profiles.waiting.pending) == (1, 1)
        assert (erasures.delivered, erasures.dead, erasures.open) == (1, 0, 0)

    system = Held(slow.system, slow.api, slow.clock) if case == "is held" else slow
    seen = dies_everywhere(system, arrange, check, every=6)
    assert "POST /api/data-privacy-deletion-jobs" in seen
