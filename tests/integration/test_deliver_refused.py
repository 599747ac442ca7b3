"""What cannot be delivered, for now or for good: it delays nobody else, and ends as a dead letter if at all."""

from __future__ import annotations

import pytest

from queues import batches, dead_letters, keys
from queues.clock import now_ms
from tests.support.world import QUEUE, World, addresses
from worker.refusals import MAX_ATTEMPTS


def test_a_person_who_cannot_be_mapped_is_a_dead_letter_and_the_rest_goes_through(world: World) -> None:
    world.change("add", "a@example.com", "nonsense", "b@example.com")
    world.deliver()
    assert world.members() == {"a@example.com", "b@example.com"}
    assert world.dead() == {"nonsense": "email_invalid"}


def test_an_import_error_becomes_a_dead_letter_with_klaviyos_words_and_job(world: World) -> None:
    world.change("add", "a@example.com", "fail+blocked@example.com")
    world.deliver()
    assert world.members() == {"a@example.com"}
    (letter,) = dead_letters.read(world.redis, QUEUE)
    assert letter.reason == "blocked"
    assert letter.detail["job"]
    assert letter.detail["error_id"]


def test_a_row_klaviyo_refuses_without_naming_it_is_found_by_halving(world: World) -> None:
    people = addresses(16)
    world.change("add", *people)
    world.fault("400", "/api/profile-bulk-import-jobs", times=5, body="p11+tag@")
    world.deliver()
    assert world.dead() == {people[11]: "invalid"}
    assert world.members() == set(people) - {people[11]}
    assert len(world.requests("/api/profile-bulk-import-jobs", "POST")) <= 2 * len(people) - 1


def test_all_changes_of_a_refused_person_become_dead_letters_and_replay_brings_them_back(world: World) -> None:
    world.change("add", {"email": "a@example.com", "attributes": {"plan": "gold"}})
    world.change("update", {"email": "a@example.com", "attributes": {"level": 2}})
    world.fault("400", "/api/profile-bulk-import-jobs")
    world.deliver()
    letters = list(dead_letters.read(world.redis, QUEUE))
    assert [letter.change.body.action for letter in letters] == ["add", "update"]
    dead_letters.replay(world.redis, QUEUE, [letter.id for letter in letters], now_ms())
    world.deliver()
    found = world.person("a@example.com")
    assert found is not None
    assert (found["properties"], found["lists"]) == ({"plan": "gold", "level": 2}, ["VIPs"])


def test_a_person_whose_field_klaviyo_refuses_to_empty_is_a_dead_letter_with_the_field(world: World) -> None:
    world.change("update", {"email": "a@example.com", "attributes": {"first_name": None}})
    world.fault("400", "/api/profile-import")
    world.deliver()
    (letter,) = dead_letters.read(world.redis, QUEUE)
    assert letter.detail["fields"] == ["first_name"]


def test_a_phone_that_is_left_out_is_counted_once_and_the_person_goes(world: World) -> None:
    world.change("add", {"email": "a@example.com", "phone": "12"}, {"email": "fail+x@example.com", "phone": "13"})
    world.deliver()
    assert world.members() == {"a@example.com"}
    assert world.redis.hgetall(keys.queue(QUEUE, "warnings")) == {b"phone_invalid": b"1"}


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [("429", 0), ("reset", 0), ("403_html", 0), ("503_html", 1), ("500", 1), ("lost_response", 0)],
)
def test_a_passing_fault_delays_and_loses_nothing(world: World, fault: str, attempts: int) -> None:
    world.create_list("VIPs")
    world.change("add", "a@example.com")
    world.fault(fault, "/api/profile-bulk-import-jobs", retry_after=0)
    batch_id = world.take()
    world.ring(batch_id)
    assert world.counts()["open"] == 1
    assert world.attempts(batch_id) == attempts
    world.redis.delete(*world.redis.keys("ferry:limits:pause:*") or ["none"])
    world.ring(batch_id)
    world.ring(batch_id)
    assert world.members() == {"a@example.com"}
    assert world.counts()["delivered"] == 1


def test_a_batch_that_fails_its_last_attempt_becomes_dead_letters_with_the_last_answer(world: World) -> None:
    world.create_list("VIPs")
    world.change("add", "a@example.com")
    world.fault("500", "/api/profile-bulk-import-jobs", times=100)
    batch_id = world.deliver(rings=MAX_ATTEMPTS - 1)
    assert world.counts()["open"] == 1
    world.ring(batch_id)
    (letter,) = dead_letters.read(world.redis, QUEUE)
    assert letter.reason == "gave_up"
    assert "bulk_import_profiles" in letter.detail["detail"]
    assert world.counts() == {"accepted": 1, "open": 0, "delivered": 0, "dead": 1, "superseded": 0}


def test_a_batch_over_which_three_workers_died_becomes_dead_letters(world: World) -> None:
    world.change("add", "a@example.com")
    batch_id = world.take()
    for _ in range(3):
        world.redis.hset(keys.batch(batch_id), "lease", 0)
        assert batches.reclaim(world.redis, batch_id, now_ms(), 60_000) is not None
    world.ring(batch_id)
    assert world.dead() == {"a@example.com": "crashed_worker"}
