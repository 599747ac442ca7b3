"""Consents that a CDP tells of the members of an audience, from the membership change to Klaviyo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from mappings import consent_state
from queues import keys, pending
from queues.change import person_key
from queues.clock import now_ms
from queues.policy import decide
from tests.support.consents import CONSENTS, GIVEN, configure, told_before
from tests.support.world import World, world_of
from worker.process import settings_of_process

TAKEN_BACK = {"gdpr_consent_state": {"Newsletter": {"consented": False, "timestamp_unixtime_ms": 1_714_592_744_066}}}
OPTED_OUT = {"ccpa_consent_state": {"data_sale_opt_out": {"consented": True}}}


@pytest.fixture
def world(
    redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[World]:
    with world_of(redis, redis_url, klaviyo, monkeypatch) as found:
        configure(monkeypatch, tmp_path, 'consent_mapping = {newsletter = "email"}')
        yield found


def ann(state: Any = None) -> dict[str, Any]:
    return {"email": "ann@example.com"} | ({} if state is None else {"consent_state": state})


def enter(world: World, *people: dict[str, Any]) -> None:
    world.change("add", *people)
    world.deliver()


def deliver_consents(world: World, rings: int = 4) -> int:
    """Take the consents that wait and deliver them; how many there were."""
    (seen,) = pending.look(world.redis, [CONSENTS])
    decision = decide(seen.waiting, settings_of_process().connections.named("default").policies["consent"], 2**42)
    if decision is None:
        return 0
    batch_id = pending.take(world.redis, seen, decision[0], decision[1], now_ms())
    assert batch_id
    for _ in range(rings):
        world.ring(batch_id)
    return seen.waiting.pending


def consent_of(world: World, address: str) -> str:
    person = world.person(address)
    assert person is not None
    return str(person["subscriptions"]["email"]["marketing"]["consent"])


def remember(redis_url: str, person: str, state: dict[str, Any]) -> None:
    told_before(redis_url, [person], consent_state.read(state, 1, now_ms()))


def test_membership_alone_never_subscribes_anybody(world: World) -> None:
    enter(world, ann(), {"email": "bob@example.com", "phone": "+14155550132"})
    assert deliver_consents(world) == 0
    assert world.members() == {"ann@example.com", "bob@example.com"}
    assert consent_of(world, "ann@example.com") == consent_of(world, "bob@example.com") == "NEVER_SUBSCRIBED"
    assert world.requests("/api/profile-subscription") == []


def test_a_consent_without_a_mapping_subscribes_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configure(monkeypatch, tmp_path)
    enter(world, ann(GIVEN))
    assert deliver_consents(world) == 0


def test_who_agrees_is_subscribed_with_the_time_of_the_consent(world: World) -> None:
    enter(world, ann(GIVEN), {"email": "bob@example.com"})
    assert deliver_consents(world) == 1
    assert consent_of(world, "ann@example.com") == "SUBSCRIBED"
    assert consent_of(world, "bob@example.com") == "NEVER_SUBSCRIBED"
    (request,) = world.requests("/api/profile-subscription-bulk-create-jobs")
    attributes = request["body"]["data"]["attributes"]
    assert attributes["historical_import"] is True
    (row,) = attributes["profiles"]["data"]
    assert row["attributes"]["subscriptions"]["email"]["marketing"]["consented_at"] == "2024-05-01T19:45:44.065Z"
    assert "relationships" not in request["body"]["data"], "who names a list puts people on it"


@pytest.mark.parametrize("unsubscribed", [False, True])
def test_a_consent_that_waits_puts_nobody_back_on_the_list_who_left_the_audience(
    world: World, unsubscribed: bool
) -> None:
    if unsubscribed:
        world.change("add", ann())
        world.deliver()
        world.unsubscribe("ann@example.com", "VIPs")
    later = {"gdpr": {"newsletter": {"consented": True, "timestamp_unixtime_ms": now_ms()}}}
    enter(world, ann(later))
    world.change("remove", ann())
    world.deliver()
    assert world.members() == set()
    assert deliver_consents(world) == 1
    assert world.members() == set()
    assert consent_of(world, "ann@example.com") == "SUBSCRIBED", "the consent holds all the same"


def test_who_unsubscribed_from_the_list_and_consents_later_is_mailed_again(world: World) -> None:
    world.change("add", ann())
    world.deliver()
    world.unsubscribe("ann@example.com", "VIPs")
    later = {"gdpr": {"newsletter": {"consented": True, "timestamp_unixtime_ms": now_ms()}}}
    enter(world, ann(later))
    assert deliver_consents(world) == 1
    person = world.person("ann@example.com")
    assert person is not None
    assert person["subscriptions"]["email"]["marketing"]["list_suppressions"] == []
    assert world.members() == {"ann@example.com"}


@pytest.mark.parametrize("left", ["suppress", "unsubscribe", "leave the list"])
def test_who_left_after_the_consent_stays_left(world: World, left: str) -> None:
    world.change("add", ann())
    world.deliver()
    if left == "suppress":
        world.control("suppress/ann@example.com", reason="SPAM_COMPLAINT")
    else:
        world.unsubscribe("ann@example.com", "VIPs" if left == "leave the list" else None)
    enter(world, ann(GIVEN), {"email": "bob@example.com", "consent_state": GIVEN})
    assert deliver_consents(world) == 2
    assert consent_of(world, "ann@example.com") != "SUBSCRIBED"
    assert consent_of(world, "bob@example.com") == "SUBSCRIBED"
    assert world.redis.hgetall(keys.queue(CONSENTS, "warnings")) == {b"consent_outdated": b"1"}


def test_who_consents_after_leaving_is_subscribed_again(world: World) -> None:
    world.change("add", ann())
    world.deliver()
    world.unsubscribe("ann@example.com", None)
    later = {"gdpr": {"newsletter": {"consented": True, "timestamp_unixtime_ms": now_ms()}}}
    enter(world, ann(later))
    assert deliver_consents(world) == 1
    assert consent_of(world, "ann@example.com") == "SUBSCRIBED"


def test_a_consent_that_was_told_before_is_joined_by_the_person(world: World, redis_url: str) -> None:
    remember(redis_url, person_key("email", "ann@example.com"), GIVEN)
    enter(world, ann())
    assert deliver_consents(world) == 1
    assert consent_of(world, "ann@example.com") == "SUBSCRIBED"


def test_the_newest_of_what_was_told_and_what_the_change_says_counts(world: World, redis_url: str) -> None:
    remember(redis_url, person_key("email", "ann@example.com"), TAKEN_BACK)
    enter(world, ann(GIVEN))
    assert deliver_consents(world) == 0, "a consent that was taken back is none"


def test_who_refuses_is_unsubscribed_only_where_the_connection_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    enter(world, ann(GIVEN))
    deliver_consents(world)
    world.change("update", ann(TAKEN_BACK))
    world.deliver()
    assert deliver_consents(world) == 0
    configure(monkeypatch, tmp_path, 'consent_mapping = {newsletter = "email"}', "consent_removal = true")
    world.change("update", ann(TAKEN_BACK))
    world.deliver()
    assert deliver_consents(world) == 1
    person = world.person("ann@example.com")
    assert person is not None
    assert [each["reason"] for each in person["subscriptions"]["email"]["marketing"]["list_suppressions"]] == [
        "UNSUBSCRIBE"
    ]


def test_an_opt_out_of_the_sale_of_data_is_no_consent(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configure(monkeypatch, tmp_path, 'consent_mapping = {data_sale_opt_out = "email"}')
    enter(world, ann(OPTED_OUT))
    assert deliver_consents(world) == 0


def test_the_mapping_of_the_audience_stands_over_the_connections(world: World) -> None:
    mapping = '[{"jsmap":null,"map":"SMS Offers","maptype":"ConsentPurposes","value":"sms"}]'
    world.settings = {"consentMapping": mapping}
    state = {"gdpr": {"newsletter": {"consented": True}, "sms offers": {"consented": True}}}
    enter(world, ann(state) | {"phone": "+14155550132"})
    assert deliver_consents(world) == 1
    assert consent_of(world, "ann@example.com") == "NEVER_SUBSCRIBED"
    person = world.person("ann@example.com")
    assert person is not None
    assert person["subscriptions"]["sms"]["marketing"]["consent"] == "SUBSCRIBED"


def test_a_delivery_that_is_repeated_passes_a_consent_on_once(world: World) -> None:
    world.fault("lost_response", "/api/lists/")
    world.change("add", ann(GIVEN))
    world.change("remove", "bob@example.com")
    world.deliver(rings=6)
    assert int(world.redis.hget(keys.queue(CONSENTS), "accepted") or 0) == 1


def test_somebody_who_leaves_is_not_subscribed(world: World) -> None:
    world.change("remove", ann(GIVEN))
    world.deliver()
    assert deliver_consents(world) == 0


def test_a_mapping_that_cannot_be_read_holds_the_connection_and_is_not_quoted(world: World) -> None:
    world.settings = {"consentMapping": '{"newsletter": "pk_secret"}'}
    world.change("add", ann(GIVEN))
    world.deliver()
    (hold,) = world.redis.hvals("ferry:holds")
    assert b"consentMapping: consent mapping, entry 1: the channel is not one of email, sms" in hold
    assert b"pk_secret" not in hold
