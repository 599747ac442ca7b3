"""Delivering a batch: the worker's task in this process, a real ledger, and Klaviyo's emulator over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from redis import Redis

from emulator.server import running
from queues import accounts, batches, dead_letters, doorbell, holds, keys
from queues.clock import now_ms
from scheduler import tick
from tests.support.world import QUEUE, SECRET, World, addresses, world_of
from worker.probe import probe
from worker.process import settings_of_process
from worker.refusals import MAX_ATTEMPTS


@pytest.fixture(scope="module")
def klaviyo() -> Iterator[str]:
    with running(job_seconds=0, limits_off=True) as url:
        yield url


@pytest.fixture
def world(redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_of(redis, redis_url, klaviyo, monkeypatch) as found:
        yield found


def test_joining_people_become_members_of_a_new_list_by_one_import_job(world: World) -> None:
    world.change("add", *addresses(100))
    world.deliver()
    assert world.members() == set(addresses(100))
    assert len(world.requests("/api/profile-bulk-import-jobs", "POST")) == 1
    assert world.counts() == {"accepted": 100, "open": 0, "delivered": 100, "dead": 0, "superseded": 0}


def test_a_202_is_not_delivered_until_the_job_is_complete(world: World) -> None:
    requests.post(f"{world.klaviyo}/_emulator/jobs", json={"seconds": 60}, timeout=30).raise_for_status()
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=3)
    assert world.counts()["delivered"] == 0
    assert world.redis.exists(keys.batch(batch_id))
    requests.post(f"{world.klaviyo}/_emulator/jobs", json={"seconds": 0}, timeout=30).raise_for_status()
    world.ring(batch_id)
    assert world.counts()["delivered"] == 1


def test_the_wait_between_polls_grows_and_the_worker_never_sleeps_it(world: World) -> None:
    requests.post(f"{world.klaviyo}/_emulator/jobs", json={"seconds": 60}, timeout=30).raise_for_status()
    world.change("add", "a@example.com")
    batch_id = world.take()
    waits = []
    for _ in range(4):
        world.ring(batch_id)
        due = world.redis.zscore(keys.partition(QUEUE.partition, "ring"), batch_id)
        assert due is not None
        waits.append(round((due - now_ms()) / 1000, 1))
    requests.post(f"{world.klaviyo}/_emulator/jobs", json={"seconds": 0}, timeout=30).raise_for_status()
    assert waits == pytest.approx([2.0, 2.0, 3.0, 4.5], abs=0.5)


def test_a_list_named_by_its_id_is_used_as_it_is(world: World) -> None:
    world.settings = {"listId": world.create_list("Chosen")}
    world.change("add", "a@example.com")
    world.deliver()
    assert world.members("Chosen") == {"a@example.com"}
    assert world.requests("/api/lists", "GET") == []


def test_a_list_of_the_audiences_name_is_found_and_not_created_again(world: World) -> None:
    world.create_list("VIPs")
    world.change("add", "a@example.com")
    world.deliver()
    assert world.members() == {"a@example.com"}
    assert len(world.requests("/api/lists", "POST")) == 1, "the one of this test"


def test_a_found_list_is_remembered_when_the_audience_is_renamed(world: World) -> None:
    world.change("add", "a@example.com")
    world.deliver()
    world.name = "Very important people"
    world.change("add", "b@example.com")
    world.deliver()
    assert world.members("VIPs") == {"a@example.com", "b@example.com"}


def test_naming_another_list_in_the_settings_moves_to_it(world: World) -> None:
    world.change("add", "a@example.com")
    world.deliver()
    world.settings = {"listName": "Chosen"}
    world.change("add", "b@example.com")
    world.deliver()
    assert world.members("Chosen") == {"b@example.com"}


def test_two_batches_that_need_a_new_list_create_it_once(world: World) -> None:
    world.change("add", "a@example.com")
    first = world.take()
    world.change("add", "b@example.com")
    second = world.take()
    world.ring(first)
    world.ring(second)
    world.ring(first)
    world.ring(second)
    assert len(world.requests("/api/lists", "POST")) == 1
    assert world.members() == {"a@example.com", "b@example.com"}


def test_leavers_are_looked_up_page_by_page_and_removed_by_relationship(world: World) -> None:
    world.change("add", *addresses(250))
    world.deliver()
    world.change("remove", *addresses(230))
    world.deliver()
    assert world.members() == set(addresses(250)[230:])
    path = f"/api/lists/{world.requests('/api/lists/')[0]['path'].split('/')[3]}/relationships/profiles"
    assert len(world.requests(path, "GET")) >= 3
    assert len(world.requests(path, "DELETE")) == 1
    assert all("subscription" not in r["path"] for r in world.requests())


def test_somebody_who_left_keeps_their_profile(world: World) -> None:
    world.change("add", {"email": "a@example.com", "attributes": {"plan": "gold"}})
    world.deliver()
    world.change("remove", "a@example.com")
    world.deliver()
    found = world.person("a@example.com")
    assert found is not None
    assert found["properties"] == {"plan": "gold"}


def test_leavers_without_an_address_are_found_by_phone_or_external_id(world: World) -> None:
    people = [{"phone": "+14155552671"}, {"external_id": "c-1"}]
    world.change("add", *people)
    world.deliver()
    assert len(world.members()) == 2
    world.change("remove", *people)
    world.deliver()
    assert world.members() == set()


def test_removing_from_an_audience_that_has_no_list_creates_none(world: World) -> None:
    world.change("remove", "a@example.com")
    world.deliver()
    assert world.counts()["delivered"] == 1
    assert world.requests("/api/lists", "POST") == []


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


@pytest.mark.parametrize(("fault", "reason"), [("401", "unauthorized"), ("403", "forbidden")])
def test_a_refused_key_holds_the_connection_and_loses_nothing(world: World, fault: str, reason: str) -> None:
    world.change("add", "a@example.com")
    world.fault(fault)
    batch_id = world.take()
    world.ring(batch_id)
    held = holds.of_connections(world.redis)["default"]
    assert held.resolve
    assert held.since > 0
    world.ring(batch_id)
    assert len(world.requests()) == 1, "nothing is sent while held"
    holds.release(world.redis, "default")
    world.ring(batch_id)
    world.ring(batch_id)
    assert world.members() == {"a@example.com"}
    assert world.attempts(batch_id) == 0


def test_a_list_that_is_gone_holds_its_queue_only(world: World) -> None:
    world.settings = {"listId": "GONE42"}
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=1)
    assert holds.of_connections(world.redis) == {}
    held = holds.of_queue(world.redis, QUEUE)
    assert held is not None
    assert held.resolve
    world.settings = {"listId": world.create_list("Back")}
    world.change("update", "b@example.com")
    holds.release(world.redis, QUEUE)
    world.ring(batch_id)
    world.ring(batch_id)
    assert world.members("Back") == {"a@example.com"}


def test_a_deleted_list_that_klaviyo_does_not_name_holds_the_queue_and_blames_nobody(world: World) -> None:
    world.settings = {"listId": world.create_list("VIPs")}
    world.change("add", *addresses(4))
    batch_id = world.take()
    headers = {"Authorization": "Klaviyo-API-Key pk_test", "revision": "2026-07-15"}
    requests.delete(f"{world.klaviyo}/api/lists/{world.settings['listId']}", headers=headers, timeout=30)
    world.fault("400_list", "/api/profile-bulk-import-jobs")
    world.ring(batch_id)
    assert holds.of_queue(world.redis, QUEUE) is not None
    assert world.counts() == {"accepted": 4, "open": 4, "delivered": 0, "dead": 0, "superseded": 0}


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


def test_a_list_created_without_an_answer_is_found_and_not_created_again(world: World) -> None:
    world.change("add", "a@example.com")
    world.fault("lost_response", "/api/lists", match={"method": "POST", "path": "/api/lists"})
    world.deliver(rings=4)
    assert len(world.requests("/api/lists", "POST")) == 1
    assert world.members() == {"a@example.com"}


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


def test_a_job_klaviyo_forgot_is_uploaded_again(world: World) -> None:
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=1)
    requests.post(f"{world.klaviyo}/_emulator/jobs", json={"lifetime_seconds": 0}, timeout=30).raise_for_status()
    world.ring(batch_id)
    requests.post(f"{world.klaviyo}/_emulator/jobs", json={"lifetime_seconds": 604800}, timeout=30).raise_for_status()
    world.ring(batch_id)
    world.ring(batch_id)
    assert len(world.requests("/api/profile-bulk-import-jobs", "POST")) == 2
    assert world.counts()["delivered"] == 1


def test_a_batch_over_which_three_workers_died_becomes_dead_letters(world: World) -> None:
    world.change("add", "a@example.com")
    batch_id = world.take()
    for _ in range(3):
        world.redis.hset(keys.batch(batch_id), "lease", 0)
        assert batches.reclaim(world.redis, batch_id, now_ms(), 60_000) is not None
    world.ring(batch_id)
    assert world.dead() == {"a@example.com": "crashed_worker"}


def test_a_queue_held_by_an_operator_is_not_delivered_until_released(world: World) -> None:
    world.change("add", "a@example.com")
    batch_id = world.take()
    holds.place(world.redis, QUEUE, holds.Hold("by hand", now_ms()))
    world.ring(batch_id)
    assert world.requests() == []
    holds.release(world.redis, QUEUE)
    world.ring(batch_id)
    assert len(world.requests()) > 0


def test_without_a_key_the_connection_is_held_and_says_what_to_set(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLAVIYO_API_KEY", "")
    settings_of_process.cache_clear()
    world.change("add", "a@example.com")
    world.deliver(rings=1)
    held = holds.of_connections(world.redis)["default"]
    assert (held.reason, "KLAVIYO_API_KEY" in held.resolve) == ("no_api_key", True)


def test_what_the_cdp_sets_for_its_account_overrides_the_configured(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLAVIYO_API_KEY", "")
    settings_of_process.cache_clear()
    account = accounts.Account({"defaultCountry": "USA"}, "pk_from_cdp")
    accounts.remember(world.redis, "default", account, accounts.Cipher([SECRET]))
    assert b"pk_from_cdp" not in b"".join(world.redis.hvals(keys.account("default")))  # type: ignore[arg-type]
    world.change("add", {"email": "a@example.com", "phone": "(415) 555-2671"})
    world.deliver()
    found = world.person("a@example.com")
    assert found is not None
    assert found["phone_number"] == "+14155552671"


def test_a_wrong_setting_from_the_cdp_holds_the_connection_and_names_it(world: World) -> None:
    account = accounts.Account({"alternateIdentifier": "Twitter"})
    accounts.remember(world.redis, "default", account, accounts.Cipher([SECRET]))
    world.change("add", "a@example.com")
    world.deliver(rings=1)
    held = holds.of_connections(world.redis)["default"]
    assert "alternateIdentifier" in held.resolve


def test_a_batch_of_ten_thousand_people_is_one_import_and_stays_under_the_cap(world: World) -> None:
    people = [{"email": f"p{i}@example.com", "attributes": {"note": "x" * 300}} for i in range(10_000)]
    for start in range(0, 10_000, 1000):
        world.change("add", *people[start : start + 1000])
    world.deliver(rings=6)
    uploads = world.requests("/api/profile-bulk-import-jobs", "POST")
    assert len(uploads) == 1
    assert len(world.members()) == 10_000


def test_a_phone_that_is_left_out_is_counted_once_and_the_person_goes(world: World) -> None:
    world.change("add", {"email": "a@example.com", "phone": "12"}, {"email": "fail+x@example.com", "phone": "13"})
    world.deliver()
    assert world.members() == {"a@example.com"}
    assert world.redis.hgetall(keys.queue(QUEUE, "warnings")) == {b"phone_invalid": b"1"}


def test_releasing_lets_what_waited_go_on_at_once(world: World) -> None:
    world.change("add", "a@example.com")
    batch_id = world.take()
    holds.place(world.redis, "default", holds.Hold("by hand", now_ms()))
    world.ring(batch_id)
    assert batches.to_ring(world.redis, now_ms()) == []
    assert holds.release(world.redis, "default")
    assert batches.to_ring(world.redis, now_ms()) == [batch_id]
    assert world.redis.llen(keys.WAKE) == 1


def test_a_leaver_known_by_a_national_phone_only_is_found(world: World) -> None:
    person = {"phone": "(415) 555-2671", "attributes": {"country": "US"}}
    world.change("add", person)
    world.deliver()
    assert world.members() == {"+14155552671"}
    world.change("remove", person)
    world.deliver()
    assert world.members() == set()


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


def test_a_person_whose_field_klaviyo_refuses_to_empty_is_a_dead_letter_with_the_field(world: World) -> None:
    world.change("update", {"email": "a@example.com", "attributes": {"first_name": None}})
    world.fault("400", "/api/profile-import")
    world.deliver()
    (letter,) = dead_letters.read(world.redis, QUEUE)
    assert letter.detail["fields"] == ["first_name"]


def test_a_probe_releases_a_connection_when_klaviyo_takes_its_key_again(world: World) -> None:
    requests.post(f"{world.klaviyo}/_emulator/keys", json={"keys": [{"key": "pk_test", "revoked": True}]}, timeout=30)
    world.change("add", "a@example.com")
    batch_id = world.deliver(rings=1)
    for _ in range(2):
        probe("default")
    assert holds.of_connections(world.redis)["default"].probed
    assert world.redis.hget(keys.CONFIRMATIONS, "default") == b"2"
    requests.post(f"{world.klaviyo}/_emulator/keys", json={"keys": [{"key": "pk_test"}]}, timeout=30)
    probe("default")
    assert holds.of_connections(world.redis) == {}
    assert not world.redis.exists(keys.CONFIRMATIONS)
    assert batches.to_ring(world.redis, now_ms()) == [batch_id]


def test_what_a_person_holds_no_probe_releases(world: World) -> None:
    holds.place(world.redis, "default", holds.Hold("by hand", now_ms()))
    probe("default")
    assert "default" in holds.of_connections(world.redis)


def test_held_connections_are_probed_once_for_all_schedulers(world: World) -> None:
    holds.place(world.redis, "default", holds.Hold("unauthenticated", now_ms(), probed=True))
    holds.place(world.redis, "by-hand", holds.Hold("by hand", now_ms()))
    assert [tick.probe_held(world.redis, now_ms()) for _ in range(2)] == [1, 0]
    (job,) = doorbell.rq_queue(world.redis).jobs
    assert (job.func_name, job.args) == (doorbell.PROBE, ["default"])
