"""Delivering a batch: the worker's task in this process, a real ledger, and Klaviyo's emulator over HTTP."""

from __future__ import annotations

import pytest

from queues import keys
from queues.clock import now_ms
from tests.support.cluster import BOTH
from tests.support.world import QUEUE, World, addresses

pytestmark = BOTH


def test_joining_people_become_members_of_a_new_list_by_one_import_job(world: World) -> None:
    world.change("add", *addresses(100))
    world.deliver()
    assert world.members() == set(addresses(100))
    assert len(world.requests("/api/profile-bulk-import-jobs", "POST")) == 1
    assert world.counts() == {"accepted": 100, "open": 0, "delivered": 100, "dead": 0, "superseded": 0}


def test_a_202_is_not_delivered_until_the_job_is_complete(world: World) -> None:
    world.control("jobs", seconds=60)
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=3)
    assert world.counts()["delivered"] == 0
    assert world.redis.exists(keys.batch(batch_id))
    world.control("jobs", seconds=0)
    world.ring(batch_id)
    assert world.counts()["delivered"] == 1


def test_the_wait_between_polls_grows_and_the_worker_never_sleeps_it(world: World) -> None:
    world.control("jobs", seconds=60)
    world.change("add", "a@example.com")
    batch_id = world.take()
    for wait in (2_000, 2_000, 3_000, 4_500):
        began = now_ms()
        world.ring(batch_id)
        due = world.redis.zscore(keys.partition(QUEUE.partition, "ring"), batch_id)
        assert due is not None
        assert began + wait <= due <= now_ms() + wait
    world.control("jobs", seconds=0)


def test_an_attribute_change_reaches_the_profile_and_not_the_list(world: World) -> None:
    world.change("update", {"email": "a@example.com", "attributes": {"plan": "gold"}})
    world.deliver()
    found = world.person("a@example.com")
    assert found is not None
    assert (found["properties"], found["lists"]) == ({"plan": "gold"}, [])


def test_joining_and_changing_in_one_batch_loses_neither(world: World) -> None:
    world.change("add", {"email": "a@example.com", "attributes": {"plan": "gold", "city": "Oslo"}})
    world.change("update", {"email": "a@example.com", "attributes": {"plan": "silver"}})
    world.deliver()
    found = world.person("a@example.com")
    assert found is not None
    assert (found["properties"], found["location"], found["lists"]) == ({"plan": "silver"}, {"city": "Oslo"}, ["VIPs"])
    assert world.counts() == {"accepted": 2, "open": 0, "delivered": 1, "dead": 0, "superseded": 1}


def test_joining_and_leaving_in_one_batch_uploads_nobody(world: World) -> None:
    world.change("add", "a@example.com")
    world.change("remove", "a@example.com")
    world.deliver()
    assert world.person("a@example.com") is None
    assert world.requests("/api/profile-bulk-import-jobs", "POST") == []


def test_a_deleted_property_is_unset(world: World) -> None:
    world.change("add", {"email": "a@example.com", "attributes": {"plan": "gold", "kept": 1}})
    world.deliver()
    world.change("update", {"email": "a@example.com", "attributes": {"plan": None}})
    world.deliver()
    found = world.person("a@example.com")
    assert found is not None
    assert found["properties"] == {"kept": 1}


def test_a_job_klaviyo_cancelled_is_uploaded_again(world: World) -> None:
    world.control("jobs", seconds=60)
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=2)
    world.control("jobs", seconds=0, cancel=True)
    world.ring(batch_id)
    assert (world.counts()["delivered"], world.members()) == (0, set())
    for _ in range(3):
        world.ring(batch_id)
    assert len(world.requests("/api/profile-bulk-import-jobs", "POST")) == 2
    assert (world.counts()["delivered"], world.members()) == (1, {"a@example.com"})


def test_a_job_klaviyo_forgot_is_uploaded_again(world: World) -> None:
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=1)
    world.control("jobs", lifetime_seconds=0)
    world.ring(batch_id)
    world.control("jobs", lifetime_seconds=604800)
    world.ring(batch_id)
    world.ring(batch_id)
    assert len(world.requests("/api/profile-bulk-import-jobs", "POST")) == 2
    assert world.counts()["delivered"] == 1


def test_a_batch_of_ten_thousand_people_is_one_import_and_stays_under_the_cap(world: World) -> None:
    people = [{"email": f"p{i}@example.com", "attributes": {"note": "x" * 300}} for i in range(10_000)]
    for start in range(0, 10_000, 1000):
        world.change("add", *people[start : start + 1000])
    world.deliver(rings=6)
    uploads = world.requests("/api/profile-bulk-import-jobs", "POST")
    assert len(uploads) == 1
    assert len(world.members()) == 10_000


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ({"email": "a@example.com", "external_id": "c-1", "phone": "+14155552671"}, "email"),
        ({"external_id": "c-1", "phone": "+14155552671"}, "external_id"),
        ({"phone": "+14155552671"}, "phone_number"),
    ],
)
def test_a_field_is_emptied_by_the_strongest_identifier_alone(world: World, person: dict[str, str], name: str) -> None:
    world.change("update", {**person, "attributes": {"first_name": None}})
    world.deliver()
    (call,) = world.requests("/api/profile-import")
    assert call["body"]["data"]["attributes"].keys() == {name, "first_name"}


def test_a_deleted_standard_field_is_emptied_after_the_import(world: World) -> None:
    attributes = {"first_name": "Ann", "city": "Oslo", "region": "Oslo", "plan": "gold"}
    world.change("add", {"email": "a@example.com", "attributes": attributes})
    world.deliver()
    world.change("update", {"email": "a@example.com", "attributes": {"first_name": None, "region": None}})
    world.fault("429", "/api/profile-import", retry_after=0)
    world.deliver()
    found = world.person("a@example.com")
    assert found is not None
    assert found.get("first_name") is None
    assert (found["location"].get("region"), found["location"]["city"]) == (None, "Oslo")
    assert found["properties"] == {"plan": "gold"}
    assert world.counts()["delivered"] == 2
