"""How far an erasure reaches: everything of the person, whatever leads to it, and nothing of anybody else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from queues import consents, keys, pending
from queues.acceptance import Acceptance, accept
from queues.change import Body, encode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.policy import FlushPolicy
from tests.integration.test_deliver_erasures import ERASURES, ask, settled
from tests.support.consents import CONSENTS, GIVEN, configure, told_before
from tests.support.world import QUEUE, World

EMAIL, MPID = person_key("email", "gone@example.com"), person_key("mpid", "7:42")
PROFILES = Queue("default", "profile", "profiles")


def remember(redis_url: str, *persons: str) -> None:
    told_before(redis_url, persons, {"newsletter": (True, 1)})


def put(world: World, queue: Queue, *persons: str) -> None:
    """A change of a person under these keys waits in a queue."""
    body = Body("update", now_ms(), "changes", "m", msgspec.Raw(b'{"email":"new@example.com"}'))
    accept(world.redis, Acceptance(queue, FlushPolicy(), "", [encode(persons, now_ms(), body)]), now_ms())


def waiting(world: World, queue: Queue) -> int:
    (look,) = pending.look(world.redis, [queue])
    return look.waiting.pending


def test_what_waits_in_another_connection_is_somebody_elses(world: World) -> None:
    elsewhere = Queue("other", "audience", "42")
    put(world, elsewhere, EMAIL)
    put(world, QUEUE, EMAIL)
    world.ring(ask(world, {"email": "gone@example.com"}))
    assert settled(world) == (1, 0, 0)
    assert (waiting(world, QUEUE), waiting(world, elsewhere)) == (0, 1)


def test_consents_are_forgotten_under_every_key_and_what_waits_under_these_with_them(
    world: World, redis_url: str
) -> None:
    remember(redis_url, EMAIL, MPID)
    put(world, QUEUE, MPID)
    world.ring(ask(world, {"email": "gone@example.com"}))
    assert consents.recall(world.redis, "default", [[EMAIL, MPID]]) == [[{}, {}]]
    assert world.redis.keys("ferry:consents:*") == []
    assert waiting(world, QUEUE) == 0


def test_a_key_that_only_an_open_batch_knows_leads_on(world: World) -> None:
    put(world, PROFILES, EMAIL, MPID)
    World(world.redis, world.klaviyo, PROFILES).take()
    put(world, QUEUE, MPID)
    world.ring(ask(world, {"email": "gone@example.com"}))
    assert settled(world) == (0, 0, 1)
    assert waiting(world, QUEUE) == 0


def test_a_key_is_known_still_when_what_led_to_it_is_erased(world: World, redis_url: str) -> None:
    remember(redis_url, MPID)
    put(world, QUEUE, EMAIL, MPID)
    put(world, PROFILES, MPID)
    open_batch = World(world.redis, world.klaviyo, PROFILES).take()
    erasure = ask(world, {"email": "gone@example.com"})
    world.ring(erasure)
    assert settled(world) == (0, 0, 1), "the batch holds the person by the other key"
    world.ring(erasure)
    assert settled(world) == (0, 0, 1)
    for _ in range(4):
        world.ring(open_batch)
    world.ring(erasure)
    assert settled(world) == (1, 0, 0)


def test_a_consent_that_an_open_batch_passes_on_does_not_bring_the_person_back(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configure(monkeypatch, tmp_path, 'consent_mapping = {newsletter = "email"}')
    world.change("add", {"email": "gone@example.com", "consent_state": GIVEN})
    open_batch = world.take()
    erasure = ask(world, {"email": "gone@example.com"})
    world.ring(erasure)
    for _ in range(5):
        world.ring(open_batch)
    assert waiting(world, CONSENTS) == 1
    world.ring(erasure)
    assert settled(world) == (1, 0, 0)
    assert waiting(world, CONSENTS) == 0
    assert world.person("gone@example.com") is None


def test_whoever_is_in_no_open_batch_does_not_wait_for_those_who_are(world: World) -> None:
    world.change("add", "gone@example.com", "too@example.com")
    world.deliver()
    world.change("update", "too@example.com")
    world.take()
    batch_id = ask(world, {"email": "too@example.com"}, {"email": "gone@example.com"})
    world.ring(batch_id)
    assert world.person("gone@example.com") is None
    assert world.person("too@example.com") is not None
    assert settled(world) == (0, 0, 2)
    assert world.redis.hget(keys.queue(ERASURES), "unsent") == b"0", "others may be taken meanwhile"


def test_one_that_cannot_be_addressed_is_forgotten_once_the_open_batch_is_settled(world: World) -> None:
    world.change("add", {"email": "not an address", "phone": "+14155550132"})
    open_batch = world.take()
    erasure = ask(world, {"email": "not an address"})
    world.ring(erasure)
    world.ring(open_batch)
    assert len(world.dead()) == 1
    world.ring(erasure)
    assert world.dead() == {}
    assert settled(world) == (0, 1, 0)
