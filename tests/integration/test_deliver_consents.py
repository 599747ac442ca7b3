"""Delivering consents: the worker's task in this process, a real ledger, and Klaviyo's emulator over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from queues import holds
from tests.support.consents import ANN, BRITISH, consents, subscribed, waits, world_of_consents
from tests.support.emulator_api import SUBSCRIBE, Api
from tests.support.world import QUEUE, World, world_of
from worker.consents.rows import UNDER_WAY_S


@pytest.fixture
def world(redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_of_consents(redis, redis_url, klaviyo, monkeypatch) as found:
        yield found


def test_who_consents_is_subscribed_by_every_channel_and_on_the_list(world: World) -> None:
    list_id = world.create_list("News")
    world.change("subscribe", {**ANN, "list_id": list_id, "custom_source": "-59"})
    world.deliver()
    assert consents(world) == ("SUBSCRIBED", "SUBSCRIBED", "NEVER_SUBSCRIBED")
    assert world.members("News") == {"a@example.com"}
    person = world.person("a@example.com")
    assert person is not None
    assert person["subscriptions"]["email"]["marketing"]["custom_method_detail"] == "-59"
    assert world.counts() == {"accepted": 1, "open": 0, "delivered": 1, "dead": 0, "superseded": 0}


def test_who_subscribes_without_a_list_is_introduced_first_for_klaviyo_forgets_whom_it_does_not_know(
    world: World,
) -> None:
    people = [{"email": f"p{number}@example.com"} for number in range(101)]
    world.change("subscribe", ANN, *people, {"phone_number": "+12025550124"})
    world.deliver()
    assert consents(world)[:2] == ("SUBSCRIBED", "SUBSCRIBED")
    assert {consents(world, person["email"])[0] for person in people} == {"SUBSCRIBED"}
    assert consents(world, "+12025550124")[1] == "SUBSCRIBED"
    assert (len(world.requests(SUBSCRIBE)), world.counts()["delivered"]) == (2, 103)


def test_two_people_who_share_a_consent_without_a_list_are_subscribed_each(world: World) -> None:
    with Api(world.klaviyo) as api:
        api.make_profile(email="a@example.com")
        api.make_profile(phone_number=ANN["phone_number"])
    world.change("subscribe", ANN)
    world.deliver()
    assert world.counts()["delivered"] == 1
    assert consents(world)[0] == consents(world, ANN["phone_number"])[1] == "SUBSCRIBED"


def test_a_consent_of_before_keeps_its_time(world: World) -> None:
    since = {"historical_import": True, "consented_at": "2024-05-06T07:08:09.000Z"}
    world.change("subscribe", {"email": "a@example.com", **since})
    world.deliver()
    person = world.person("a@example.com")
    assert person is not None
    assert person["subscriptions"]["email"]["marketing"]["consent_timestamp"].startswith("2024-05-06T07:08:09")


def test_people_of_one_list_source_and_history_share_a_request(world: World) -> None:
    first, second = world.create_list("First"), world.create_list("Second")
    since = {"historical_import": True, "consented_at": "2024-05-06T07:08:09.000Z"}
    people: list[dict[str, Any]] = [{"email": f"p{number}@example.com", "list_id": first} for number in range(1_100)]
    people += [{"email": "s@example.com", "list_id": second}, {"email": "h@example.com", "list_id": second, **since}]
    world.change("subscribe", *people, {"email": "x@example.com", "list_id": second, "custom_source": "Shop"})
    world.deliver()
    assert len(world.requests(SUBSCRIBE)) == 2 + 1 + 1 + 1
    assert (len(world.members("First")), len(world.members("Second"))) == (1_100, 3)


def test_a_number_without_a_sender_loses_sms_and_keeps_its_e_mail(world: World) -> None:
    world.control("account", sms_regions=["US"])
    list_id = world.create_list("News")
    people = [ANN, {"email": "b@example.com", "phone_number": BRITISH}, {"phone_number": "+447400123457"}]
    world.change("subscribe", *({**person, "list_id": list_id} for person in people))
    world.deliver()
    assert consents(world, "b@example.com") == ("SUBSCRIBED", "NEVER_SUBSCRIBED", "NEVER_SUBSCRIBED")
    assert consents(world)[:2] == ("SUBSCRIBED", "SUBSCRIBED")
    assert world.left_out() == {"sms_refused": 1}
    assert world.dead() == {"+447400123457": "invalid"}


def test_a_consent_that_cannot_be_mapped_or_is_refused_is_a_dead_letter_and_the_rest_goes_through(world: World) -> None:
    list_id = world.create_list("News")
    future = {"historical_import": True, "consented_at": "2099-01-01T00:00:00.000Z", "list_id": list_id}
    world.change("subscribe", {"email": "nonsense"}, {"email": "f@example.com", **future}, {**ANN, "list_id": list_id})
    world.deliver()
    assert world.dead() == {"nonsense": "email_invalid", "f@example.com": "invalid"}
    assert world.members("News") == {"a@example.com"}


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
def test_a_list_that_is_gone_costs_the_changes_about_it_only(world: World, action: Any) -> None:
    list_id = subscribed(world, "News", {"email": "b@example.com"})
    world.change(action, {"email": "a@example.com", "list_id": "GONE42"})
    world.change("unsubscribe", {"email": "b@example.com", "list_id": list_id})
    world.deliver()
    assert world.dead() == {"a@example.com": "list_gone"}
    assert (world.members("News"), holds.of_queue(world.redis, world.queue)) == (set(), None)


def test_the_batch_stays_open_until_klaviyo_has_carried_it_out(world: World) -> None:
    list_id = world.create_list("News")
    world.change("subscribe", {"email": "a@example.com", "list_id": list_id})
    batch_id = world.deliver(rings=1)
    assert waits(world, batch_id) == pytest.approx(UNDER_WAY_S, abs=5)
    world.ring(batch_id)
    assert world.counts()["delivered"] == 1
    assert len(world.requests(SUBSCRIBE)) == 1


def test_a_consent_that_klaviyo_throttled_is_not_waited_for(world: World) -> None:
    list_id = world.create_list("News")
    world.fault("429", SUBSCRIBE, retry_after=0)
    world.change("subscribe", {**ANN, "list_id": list_id})
    batch_id = world.deliver(rings=1)
    assert waits(world, batch_id) < UNDER_WAY_S / 2
    world.ring(batch_id)
    assert consents(world)[0] == "SUBSCRIBED"


def test_membership_of_an_audience_subscribes_nobody(
    redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_of(redis, redis_url, klaviyo, monkeypatch, QUEUE) as world:
        world.change("add", {"email": "a@example.com", "phone": "+12025550123"})
        world.deliver()
        assert world.members() == {"a@example.com"}
        assert consents(world) == ("NEVER_SUBSCRIBED",) * 3
        assert world.requests("/api/profile-subscription") == []
