"""Delivering events: the worker's task in this process, a real ledger, and Klaviyo's emulator over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from queues import dead_letters, holds, keys
from queues.clock import now_ms
from queues.names import Queue
from tests.support.world import World, world_of
from worker.refusals import MAX_ATTEMPTS

PATH = "/api/event-bulk-create-jobs"


@pytest.fixture
def world(redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_of(redis, redis_url, klaviyo, monkeypatch, Queue("default", "event", "events")) as found:
        yield found


def event(unique_id: str, **more: Any) -> dict[str, Any]:
    known = {"metric": "Viewed", "properties": {"page": unique_id}, "time": "2026-01-02T03:04:05.000Z"}
    return {"unique_id": unique_id, **known, "profile": {"email": "a@example.com"}, **more}


def recorded(world: World) -> list[str]:
    """The unique ids, in the order in which Klaviyo recorded them."""
    found: list[str] = world.look("events")["events"]
    return found


def test_events_reach_klaviyo_in_one_request_and_in_their_order(world: World) -> None:
    ids = [f"e{number}" for number in range(250)]
    world.change("event", *(event(unique_id) for unique_id in ids))
    world.deliver(rings=1)
    assert recorded(world) == ids
    assert len(world.requests(PATH, "POST")) == 1
    assert world.counts() == {"accepted": 250, "open": 0, "delivered": 250, "dead": 0, "superseded": 0}


def test_an_event_carries_what_was_said_of_it_and_of_the_person(world: World) -> None:
    world.change("event", event("e1", value=9.5, profile={"email": "a@example.com", "first_name": "Ann"}))
    world.deliver(rings=1)
    (found,) = world.look("events", full="1")["events"]
    assert (found["metric"], found["properties"], found["value"], found["profile"]) == (
        "Viewed",
        {"page": "e1"},
        9.5,
        "a@example.com",
    )
    person = world.person("a@example.com")
    assert person is not None
    assert person["first_name"] == "Ann"


def test_more_events_than_klaviyo_takes_go_in_several_requests_and_keep_their_order(world: World) -> None:
    ids = [f"e{number}" for number in range(2_100)]
    world.change("event", *(event(unique_id) for unique_id in ids))
    world.deliver(rings=1)
    assert recorded(world) == ids
    assert len(world.requests(PATH, "POST")) == 3


def test_an_event_that_cannot_be_mapped_is_a_dead_letter_and_the_rest_goes_through(world: World) -> None:
    world.change("event", event("e1"), event("e2", metric=""), event("e3", profile={"external_id": ""}), event("e4"))
    world.deliver(rings=1)
    assert recorded(world) == ["e1", "e4"]
    assert world.dead() == {"e2": "metric_missing", "e3": "no_identifier"}


def test_an_event_that_klaviyo_names_is_a_dead_letter_with_its_words_and_the_rest_goes_through(world: World) -> None:
    world.change("event", event("e1"), event("e2", time="2099-01-01T00:00:00.000Z"), event("e3"))
    world.deliver(rings=1)
    assert recorded(world) == ["e1", "e3"]
    (letter,) = dead_letters.read(world.redis, world.queue)
    assert (letter.reason, "/events-bulk-create/data/1/" in letter.detail["pointer"]) == ("invalid", True)
    assert len(world.requests(PATH, "POST")) == 2


def test_an_event_that_klaviyo_refuses_without_naming_it_is_found_by_halving(world: World) -> None:
    world.change("event", *(event(f"e{number}") for number in range(16)))
    world.fault("400", PATH, times=5, body='"e11"')
    world.deliver(rings=1)
    assert world.dead() == {"e11": "invalid"}
    assert recorded(world) == [f"e{number}" for number in range(16) if number != 11]


def test_a_repeated_id_costs_nobody_and_is_recorded_once(world: World) -> None:
    world.change("event", event("e1"), event("e2"), event("e1", properties={"page": "again"}))
    world.deliver(rings=1)
    assert recorded(world) == ["e1", "e2"]
    assert world.counts()["delivered"] == 3


def test_events_of_one_second_that_carry_no_id_are_all_recorded_and_share_a_request(world: World) -> None:
    anonymous = [{**event(f"e{number}"), "unique_id": None} for number in range(3)]
    world.change("event", *anonymous, {**anonymous[0], "profile": {"email": "b@example.com"}}, anonymous[1])
    world.fault("lost_response", PATH)
    world.deliver(rings=2)
    assert len(recorded(world)) == 4, "the last one tells again what the second told"
    assert len(world.requests(PATH, "POST")) == 2 + 1


def test_a_request_without_an_answer_is_repeated_and_recorded_once(world: World) -> None:
    world.change("event", event("e1"))
    world.fault("lost_response", PATH)
    world.deliver(rings=2)
    assert recorded(world) == ["e1"]
    assert len(world.requests(PATH, "POST")) == 2
    assert world.counts()["delivered"] == 1


def test_what_was_sent_before_a_fault_is_not_sent_again(world: World) -> None:
    world.change("event", *(event(f"e{number}") for number in range(1_500)))
    world.fault("500", PATH, body='"e1499"')
    batch_id = world.deliver(rings=1)
    assert world.counts()["open"] == 1_500
    world.ring(batch_id)
    assert len(world.requests(PATH, "POST")) == 3
    assert (len(recorded(world)), world.counts()["delivered"]) == (1_500, 1_500)


def test_a_batch_given_up_makes_dead_letters_of_what_was_not_sent_only(world: World) -> None:
    world.change("event", *(event(f"e{number}") for number in range(1_001)))
    world.fault("500", PATH, times=100, body='"e1000"')
    world.deliver(rings=MAX_ATTEMPTS)
    assert world.dead() == {"e1000": "gave_up"}
    assert world.counts()["delivered"] == 1_000


def test_a_key_without_the_right_to_events_holds_their_queue_and_no_other(world: World) -> None:
    world.fault("403", PATH)
    world.change("event", event("e1"))
    batch_id = world.deliver(rings=2)
    assert holds.of_connections(world.redis) == {}
    hold = holds.of_queue(world.redis, world.queue)
    assert hold is not None
    assert (hold.reason, "including events:write, then release" in hold.resolve) == ("forbidden", True)
    holds.release(world.redis, world.queue)
    world.ring(batch_id)
    assert recorded(world) == ["e1"]


def test_a_batch_of_a_kind_that_this_worker_does_not_know_waits_for_one_that_does(
    redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_of(redis, redis_url, klaviyo, monkeypatch, Queue("default", "of-tomorrow", "all")) as world:
        world.change("event", event("e1"))
        batch_id = world.deliver(rings=2)
        ring = redis.zscore(keys.partition(world.queue.partition, "ring"), batch_id)
        assert ring is not None
        assert ring > now_ms()
        assert (world.counts()["open"], world.requests()) == (1, [])
