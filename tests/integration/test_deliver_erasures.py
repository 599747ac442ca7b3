"""A person who asked to be forgotten: gone from the ledger, then from Klaviyo."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import pytest

from queues import dead_letters, keys, pending
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.census import count
from queues.change import Body, encode, nobody_key, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.policy import OF_KIND, decide
from tests.support.world import QUEUE, World
from worker import deliver as task

ERASURES = Queue("default", "erasure", "erasures")


def ask(world: World, *people: dict[str, Any]) -> str:
    """These ask to be forgotten; the batch that a scheduler takes at once."""
    now = now_ms()
    changes = []
    for person in people:
        body = Body("erase", now, "changes", "m", msgspec.Raw(msgspec.json.encode(person)))
        changes.append(encode(named(person), now, body))
    policy = OF_KIND["erasure"]
    assert accept(world.redis, Acceptance(ERASURES, policy, "", changes), now).became_due
    (seen,) = pending.look(world.redis, [ERASURES])
    decision = decide(seen.waiting, policy, now)
    assert decision is not None
    batch_id = pending.take(world.redis, seen, decision[0], decision[1], now)
    assert batch_id is not None
    return batch_id


def named(person: dict[str, Any]) -> tuple[str, ...]:
    """The keys of a person who has an e-mail, a phone or an external id, each as it is compared."""
    kinds = [kind for kind in ("email", "external_id", "phone") if kind in person]
    return tuple(person_key(kind, str(person[kind]).removeprefix("+")) for kind in kinds)


def settled(world: World) -> tuple[int, int, int]:
    """Of the erasures: delivered, dead, still open."""
    (counted,) = count(world.redis, [ERASURES])
    return counted.delivered, counted.dead, counted.open


def test_the_person_is_gone_from_the_ledger_and_from_klaviyo_and_others_stay(world: World) -> None:
    world.change("add", "gone@example.com", "stays@example.com")
    world.deliver()
    world.change("update", "gone@example.com", "stays@example.com")
    world.ring(ask(world, {"email": "gone@example.com"}))
    assert world.person("gone@example.com") is None
    assert world.members() == {"stays@example.com"}
    assert world.redis.llen(keys.queue(QUEUE, "pending")) == 1
    assert settled(world) == (1, 0, 0)
    world.deliver()
    assert world.person("gone@example.com") is None, "what had waited does not bring the person back"


def test_whom_klaviyo_does_not_know_is_forgotten_all_the_same(world: World) -> None:
    world.change("add", "gone@example.com")
    world.ring(ask(world, {"email": "gone@example.com", "phone": "+14155550132"}))
    assert world.requests("/api/data-privacy-deletion-jobs", "POST") == []
    assert settled(world) == (1, 0, 0)
    assert world.redis.llen(keys.queue(QUEUE, "pending")) == 0


def test_nobody_is_deleted_for_sharing_the_phone_of_somebody_who_has_an_e_mail(world: World) -> None:
    world.change("add", {"email": "mother@example.com", "phone": "+14155550132"})
    world.deliver()
    world.ring(ask(world, {"email": "child@example.com", "phone": "+14155550132"}))
    assert world.person("mother@example.com") is not None
    world.ring(ask(world, {"phone": "+14155550132"}))
    assert world.person("mother@example.com") is None


def test_a_person_known_by_the_cdps_own_id_is_looked_up_and_deleted_by_klaviyos(world: World) -> None:
    world.change("add", {"email": "gone@example.com", "external_id": "customer-7"})
    world.deliver()
    profile = world.person("gone@example.com")
    assert profile is not None
    world.ring(ask(world, {"external_id": "customer-7"}))
    (request,) = world.requests("/api/data-privacy-deletion-jobs", "POST")
    assert request["body"]["data"]["attributes"]["profile"]["data"]["id"] != "customer-7"
    assert world.person("gone@example.com") is None


def test_the_address_that_waits_with_the_id_says_who_it_is(world: World) -> None:
    world.write_profile(email="gone@example.com")
    world.change("update", {"email": "gone@example.com", "external_id": "customer-7"}, "gone@example.com")
    world.ring(ask(world, {"external_id": "customer-7"}))
    assert world.person("gone@example.com") is None
    assert world.redis.llen(keys.queue(QUEUE, "pending")) == 0
    assert settled(world) == (1, 0, 0)


def test_an_id_that_no_profile_carries_is_a_dead_letter_for_the_person_may_be_there_without_it(world: World) -> None:
    world.change("update", {"external_id": "customer-7"})
    world.ring(ask(world, {"external_id": "customer-7"}))
    (letter,) = dead_letters.read(world.redis, ERASURES)
    assert letter.reason == "profile_unknown"
    assert "delete it by hand" in letter.detail["detail"]
    assert world.redis.llen(keys.queue(QUEUE, "pending")) == 0


def test_an_erasure_waits_until_the_open_batch_that_uploads_the_person_is_settled(world: World) -> None:
    world.change("add", "gone@example.com")
    world.control("jobs", seconds=3_600)
    open_batch = world.take()
    world.ring(open_batch)
    world.control("jobs", seconds=0)
    erasure = ask(world, {"email": "gone@example.com"})
    world.ring(erasure)
    assert settled(world) == (0, 0, 1)
    assert world.requests("/api/data-privacy-deletion-jobs") == []
    for _ in range(5):
        world.ring(open_batch)
    assert world.members() == {"gone@example.com"}
    world.ring(erasure)
    assert world.person("gone@example.com") is None
    assert settled(world) == (1, 0, 0)


def test_one_that_cannot_be_addressed_is_a_dead_letter_with_the_remedy_and_the_others_are_done(world: World) -> None:
    world.change("add", "gone@example.com")
    world.deliver()
    world.ring(ask(world, {"email": "not an address"}, {"email": "gone@example.com"}))
    (letter,) = dead_letters.read(world.redis, ERASURES)
    assert letter.reason == "email_invalid"
    assert "delete the profile in Klaviyo by hand" in letter.detail["detail"]
    assert settled(world) == (1, 1, 0)


def test_what_could_not_be_read_is_searched_for_the_very_address_and_what_is_somebodys_own_is_not(world: World) -> None:
    now = now_ms()

    def letter(key: str, text: str) -> DeadOnArrival:
        person = msgspec.Raw(msgspec.json.encode({"unreadable": text}))
        return DeadOnArrival(encode((key,), now, Body("update", now, "changes", "m", person)), "x", "")

    gone = ['{"email": "Gone@Example.com", ', "gone@example.com"]
    gone += ['{"text":"\\ngone@example.com\\n', "\ngone@example.com,"]
    stays = ["joe.gone@example.com", "gone@example.com.au", "be+gone@example.com", '{"email": "stays@example.com"']
    letters = [letter(nobody_key(str(number)), text) for number, text in enumerate([*gone, *stays])]
    friends = letter(person_key("email", "friend@example.com"), "introduced by gone@example.com")
    accept(world.redis, Acceptance(QUEUE, OF_KIND["erasure"], "", [], [*letters, friends]), now)
    world.ring(ask(world, {"email": "gone@example.com"}))
    left = [msgspec.json.decode(found.change.body.person) for found in dead_letters.read(world.redis, QUEUE)]
    assert [found["unreadable"] for found in left] == [*stays, "introduced by gone@example.com"]


def test_a_lost_answer_and_a_repetition_change_nothing(world: World) -> None:
    world.change("add", "gone@example.com")
    world.deliver()
    world.fault("lost_response", "/api/data-privacy-deletion-jobs")
    batch_id = ask(world, {"email": "gone@example.com"})
    world.ring(batch_id)
    assert settled(world) == (0, 0, 1)
    world.ring(batch_id)
    assert settled(world) == (1, 0, 0)
    assert world.person("gone@example.com") is None


def test_the_log_tells_what_was_done_and_nothing_of_the_person(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.change("add", "gone@example.com")
    with caplog.at_level(logging.INFO):
        task.deliver(ask(world, {"email": "gone@example.com"}))
    assert (
        "erasure 0 took 1 pending changes, 0 dead letters and 0 changes of open batches out of default/audience/42"
        in caplog.text
    )
    assert "gone@" not in caplog.text


def test_an_address_that_klaviyo_refuses_costs_its_own_erasure_only(world: World) -> None:
    world.change("add", "gone@example.com", "also@example.com")
    world.deliver()
    world.write_profile(email="odd@example.com")
    odd = world.person("odd@example.com")
    assert odd is not None
    world.fault("400", "/api/data-privacy-deletion-jobs", times=9, body=odd["id"])
    world.ring(ask(world, *({"email": f"{name}@example.com"} for name in ("gone", "odd", "also"))))
    assert settled(world) == (2, 1, 0)
    assert [letter.reason for letter in dead_letters.read(world.redis, ERASURES)] == ["invalid"]
    assert world.members() == set()
