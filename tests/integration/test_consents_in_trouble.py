"""Consents while Klaviyo refuses and workers die: nobody who left is mailed, nobody who is served counts as dead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from mappings.consent import Consent
from mappings.errors import Reason, Rejected
from mappings.rules import Rules
from queues import holds, keys
from queues.clock import now_ms
from queues.holds import Hold
from tests.support.consents import ANN, BRITISH, consents, subscribed, waits, world_of_consents
from tests.support.emulator_api import SUBSCRIBE, UNSUBSCRIBE, Api
from tests.support.world import World, addresses
from worker import deliver as task
from worker.consents import kind
from worker.consents.rows import UNDER_WAY_S
from worker.deliver import MAX_CRASHES
from worker.refusals import MAX_ATTEMPTS


@pytest.fixture
def world(redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_of_consents(redis, redis_url, klaviyo, monkeypatch) as found:
        yield found


def test_a_subscription_that_was_taken_back_is_no_dead_letter_when_the_batch_is_given_up(world: World) -> None:
    list_id = subscribed(world, "News", ANN)
    world.fault("500", SUBSCRIBE, times=100)
    world.change("subscribe", {"email": "a@example.com", "list_id": list_id}, at=1)
    world.change("unsubscribe", {"email": "a@example.com", "list_id": list_id}, at=2)
    world.change("subscribe", {"email": "b@example.com", "list_id": list_id})
    world.deliver(rings=3 * MAX_ATTEMPTS)
    assert world.dead() == {"b@example.com": "gave_up"}, "replayed, the older one would mail somebody who has left"
    assert world.counts() == {"accepted": 4, "open": 0, "delivered": 2, "dead": 1, "superseded": 1}


def test_what_klaviyo_took_is_waited_for_when_the_rest_is_given_up(world: World) -> None:
    people = [{"email": address} for address in addresses(101)]
    list_id = subscribed(world, "News", *people)
    last = people[-1]["email"]
    world.fault("500", UNSUBSCRIBE, times=100, body=last)
    world.change("unsubscribe", *({**person, "list_id": list_id} for person in people))
    batch_id = world.deliver(rings=2 * MAX_ATTEMPTS - 1)
    assert world.attempts(batch_id) == MAX_ATTEMPTS - 1
    assert waits(world, batch_id) == pytest.approx(UNDER_WAY_S, abs=5)
    world.ring(batch_id)
    assert world.dead() == {last: "gave_up"}
    assert (world.members("News"), world.look("traps")) == ({last}, [])


def test_what_klaviyo_may_have_taken_is_waited_for_when_workers_die_over_the_batch(world: World) -> None:
    list_id = subscribed(world, "News", ANN)
    world.fault("lost_response", UNSUBSCRIBE)
    world.change("unsubscribe", {**ANN, "list_id": list_id})
    batch_id = world.deliver(rings=1)
    world.redis.hset(keys.batch(batch_id), "crashes", MAX_CRASHES)
    world.ring(batch_id)
    assert waits(world, batch_id) == pytest.approx(UNDER_WAY_S, abs=5)
    world.ring(batch_id)
    assert world.dead() == {"a@example.com": "crashed_worker"}


def test_the_end_of_a_hold_does_not_cut_short_the_time_that_klaviyo_needs(world: World) -> None:
    list_id = subscribed(world, "News", ANN)
    world.change("unsubscribe", {**ANN, "list_id": list_id})
    batch_id = world.deliver(rings=1)
    holds.place(world.redis, world.queue, Hold("maintenance", now_ms()))
    holds.release(world.redis, world.queue)
    task.deliver(batch_id)
    assert world.counts()["open"] == 1
    world.ring(batch_id)
    assert world.counts()["open"] == 0


def test_of_two_people_who_share_a_consent_the_one_without_a_sender_loses_sms_only(world: World) -> None:
    world.control("account", sms_regions=["US"])
    with Api(world.klaviyo) as api:
        api.make_profile(email="a@example.com")
        api.make_profile(phone_number=BRITISH)
    world.change("subscribe", {"email": "a@example.com", "phone_number": BRITISH})
    world.deliver()
    assert consents(world)[0] == "SUBSCRIBED"
    assert (world.dead(), world.left_out()) == ({}, {"sms_refused": 1})


def test_a_phone_that_klaviyo_refuses_to_know_does_not_cost_the_e_mail(world: World) -> None:
    world.fault("400", "/api/profile-import", times=2, body="+12025550123")
    world.change("subscribe", ANN)
    world.deliver()
    assert consents(world)[0] == "SUBSCRIBED"
    assert world.dead() == {"a@example.com": "invalid"}, "the phone is reported"


def test_what_is_sent_or_overtaken_stays_so_when_the_rules_change_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unfit(fragment: bytes, rules: Rules) -> Consent:
        raise Rejected(Reason.EMAIL_INVALID, "email", "")

    list_id = subscribed(world, "News", ANN)
    world.change("subscribe", {"email": "a@example.com", "list_id": list_id}, at=1)
    world.change("unsubscribe", {"email": "a@example.com", "list_id": list_id}, at=2)
    batch_id = world.deliver(rings=1)
    monkeypatch.setattr(kind, "to_consent", unfit)
    world.ring(batch_id)
    assert world.dead() == {}
    assert world.counts() == {"accepted": 3, "open": 0, "delivered": 2, "dead": 0, "superseded": 1}
