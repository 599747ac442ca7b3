"""How far an erasure reaches: everything of the person, whatever leads to it, and nothing of anybody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from queues import batches, keys, pending
from queues.acceptance import Acceptance, accept
from queues.change import Body, encode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.people import consents
from queues.policy import FlushPolicy
from tests.integration.test_deliver_erasures import ERASURES, ask, settled
from tests.support.consents import CONSENTS, GIVEN, configure, told_before
from tests.support.world import QUEUE, World

EMAIL_OF = ("email", "gone@example.com")
EMAIL, MPID = person_key("email", "gone@example.com"), person_key("mpid", "7:42")
PROFILES = Queue("default", "profile", "profiles")


def remember(redis_url: str, *persons: str) -> None:
    told_before(redis_url, persons, {"newsletter": (True, 1)})


def put(world: World, queue: Queue, email: str | None, mpid: str | None = "42") -> None:
    """A change of mParticle's waits in a queue."""
    known = [("email", email), ("mpid", mpid and f"7:{mpid}")]
    identities = [{"type": "email", "value": email}] if email else []
    fragment = msgspec.Raw(msgspec.json.encode({"user_identities": identities, "mpid": mpid}))
    names = tuple(person_key(kind, value) for kind, value in known if value)
    stored = encode(names, now_ms(), Body("update", now_ms(), "mparticle", "m", fragment))
    accept(world.redis, Acceptance(queue, FlushPolicy(), "", [stored]), now_ms())


def waiting(world: World, queue: Queue) -> int:
    (look,) = pending.look(world.redis, [queue])
    return look.waiting.pending


def uploading(world: World, person: str | dict[str, Any]) -> str:
    """An open batch whose import Klaviyo has yet to carry out."""
    world.change("add", person)
    world.control("jobs", seconds=3_600)
    batch_id = world.take()
    world.ring(batch_id)
    world.control("jobs", seconds=0)
    return batch_id


def test_what_waits_in_another_connection_is_somebody_elses(world: World) -> None:
    elsewhere = Queue("other", "audience", "42")
    put(world, elsewhere, "gone@example.com")
    put(world, QUEUE, "gone@example.com")
    world.ring(ask(world, {"email": "gone@example.com"}))
    assert settled(world) == (1, 0, 0)
    assert (waiting(world, QUEUE), waiting(world, elsewhere)) == (0, 1)


def test_consents_are_forgotten_under_every_key_and_what_waits_under_these_with_them(
    world: World, redis_url: str
) -> None:
    remember(redis_url, EMAIL, MPID)
    put(world, PROFILES, "gone@example.com")
    put(world, QUEUE, None)
    world.ring(ask(world, {"email": "gone@example.com"}))
    assert consents.recall(world.redis, "default", [[EMAIL, MPID]]) == [[{}, {}]]
    assert world.redis.keys("ferry:consents:*") == []
    assert (waiting(world, QUEUE), waiting(world, PROFILES)) == (0, 0)


def test_consents_that_were_told_of_somebody_else_by_the_same_id_stay(world: World, redis_url: str) -> None:
    remember(redis_url, EMAIL, MPID)
    remember(redis_url, person_key("email", "new@example.com"), MPID)
    world.ring(ask(world, {"email": "gone@example.com"}))
    assert len(world.redis.keys("ferry:consents:*")) == 2
    assert consents.recall(world.redis, "default", [[EMAIL]]) == [[{}]]


def test_who_has_the_same_id_and_another_address_is_somebody_else_and_so_is_whom_the_id_alone_names(
    world: World,
) -> None:
    put(world, PROFILES, "gone@example.com")
    put(world, QUEUE, "new@example.com")
    put(world, QUEUE, None)
    world.ring(ask(world, {"email": "gone@example.com"}))
    assert (waiting(world, QUEUE), waiting(world, PROFILES)) == (2, 0)


def store(world: World, queue: Queue, source: str, person: dict[str, Any], *keys: tuple[str, str]) -> None:
    """A change with these keys, as an earlier version stored it."""
    body = Body("update", now_ms(), source, "m", msgspec.Raw(msgspec.json.encode(person)))
    stored = encode(tuple(person_key(*key) for key in keys), now_ms(), body)
    accept(world.redis, Acceptance(queue, FlushPolicy(), "", [stored]), now_ms())


def test_what_an_earlier_version_stored_under_a_folded_id_is_found_and_the_other_case_is_somebody_else(
    world: World,
) -> None:
    store(world, QUEUE, "changes", {"external_id": "AbC"}, ("external_id", "abc"))
    store(world, QUEUE, "changes", {"external_id": "abc"}, ("external_id", "abc"))
    store(world, QUEUE, "changes", {"email": "x@example.com", "external_id": "AbC"}, ("external_id", "abc"))
    store(world, PROFILES, "segment", {"email": "gone@example.com"}, EMAIL_OF, ("user_id", "u-1"))
    world.ring(ask(world, {"external_id": "AbC", "email": "x@example.com"}))
    assert waiting(world, QUEUE) == 1
    world.write_profile(email="gone@example.com")
    world.ring(erasure_of_user(world, "U-1"))
    assert waiting(world, PROFILES) == 0
    assert world.person("gone@example.com") is None


def erasure_of_user(world: World, user: str) -> str:
    """As an earlier version stored Segment's request."""
    store(world, ERASURES, "segment", {"external_id": user}, ("external_id", user.lower()), ("user_id", user.lower()))
    return World(world.redis, world.klaviyo, ERASURES).take()


def test_a_key_that_only_an_open_batch_knows_leads_on(world: World) -> None:
    put(world, PROFILES, "gone@example.com")
    World(world.redis, world.klaviyo, PROFILES).take()
    put(world, QUEUE, None)
    world.ring(ask(world, {"email": "gone@example.com"}))
    assert settled(world) == (1, 0, 0)
    assert waiting(world, QUEUE) == 0


def test_a_key_is_known_still_when_what_led_to_it_is_erased(world: World) -> None:
    put(world, QUEUE, "gone@example.com")
    put(world, PROFILES, None)
    profiles = World(world.redis, world.klaviyo, PROFILES)
    open_batch = profiles.take()
    busy = batches.reclaim(world.redis, open_batch, now_ms(), 60_000)
    assert busy
    erasure = ask(world, {"email": "gone@example.com"})
    world.ring(erasure)
    assert settled(world) == (0, 0, 1), "a worker holds the batch in which the person is by the other key"
    assert waiting(world, QUEUE) == 0
    batches.submit(world.redis, busy, b"", ring_at=now_ms())
    world.ring(erasure)
    assert settled(world) == (1, 0, 0)
    profiles.ring(open_batch)
    assert (profiles.counts()["superseded"], profiles.dead()) == (1, {})


def test_a_consent_that_an_open_batch_passes_on_does_not_bring_the_person_back(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configure(monkeypatch, tmp_path, 'consent_mapping = {newsletter = "email"}')
    open_batch = uploading(world, {"email": "gone@example.com", "consent_state": GIVEN})
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
    uploading(world, "too@example.com")
    batch_id = ask(world, {"email": "too@example.com"}, {"email": "gone@example.com"})
    world.ring(batch_id)
    assert world.person("gone@example.com") is None
    assert world.person("too@example.com") is not None
    assert settled(world) == (0, 0, 2)
    assert world.redis.hget(keys.queue(ERASURES), "unsent") == b"0", "others may be taken meanwhile"


def test_one_that_cannot_be_addressed_is_forgotten_in_open_batches_and_dead_letters(world: World) -> None:
    world.change("add", {"email": "not an address", "phone": "+14155550132"})
    world.deliver()
    assert len(world.dead()) == 1
    world.change("add", {"email": "not an address"}, {"email": "neither is this"})
    open_batch = world.take()
    world.ring(ask(world, {"email": "not an address"}))
    assert settled(world) == (0, 1, 0)
    world.ring(open_batch)
    assert world.dead() == {"neither is this": "email_invalid"}
    assert world.counts()["superseded"] == 2
