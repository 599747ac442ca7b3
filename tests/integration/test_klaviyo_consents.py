"""The client against a running emulator of Klaviyo: consent, events and erasure, with rows that our mappings make."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from klaviyo.events import MAX_EVENTS
from klaviyo.outcomes import Dead, HoldNeeded, Outcome, Rows
from klaviyo.subscriptions import MAX_SUBSCRIBED, MAX_UNSUBSCRIBED, only_sms, subscription, unsubscription
from mappings.consent import to_consent
from mappings.event import to_event
from mappings.rules import Rules
from tests.support.client import OpenLimiter, client_of, encoded, finished
from tests.support.emulator_api import Api

ADA, BOB = "ada+a@example.com", "bob@example.com"
PHONE, GERMAN = "+12125560100", "+4915112345678"
AT = "2024-04-01T18:37:06.558Z"


@pytest.fixture
def client(api: Api) -> Iterator[Klaviyo]:
    api.control("limits", {"off": True})
    api.control("account", {"opt_in_process": "single_opt_in"})
    with client_of(api, OpenLimiter()) as found:
        yield found


def consenting(**fields: Any) -> bytes:
    found = to_consent(json.dumps(fields).encode(), Rules())
    return subscription(found.email, found.phone, found.consented_at)


def done(**fields: Any) -> bytes:
    return orjson.dumps(to_event(json.dumps({"metric": "Bought", **fields}).encode(), Rules()).row)


def refused(call: Any, *arguments: Any, **options: Any) -> Outcome:
    with pytest.raises(NotAccepted) as refusal:
        call(*arguments, **options)
    return refusal.value.outcome


def test_people_are_subscribed_by_the_channels_they_gave_and_join_the_list(client: Klaviyo, api: Api) -> None:
    list_id = client.create_list("VIP")
    rows = [consenting(email=ADA, phone_number="(212) 556-0100", country_code="us"), consenting(email=BOB)]
    client.subscribe(rows, list_id, "-59", historical=False)
    assert (api.consent(ADA), api.consent(ADA, "sms"), api.consent(BOB)) == ("SUBSCRIBED",) * 3
    assert api.consent(BOB, "sms") == "NEVER_SUBSCRIBED"
    ada, bob = client.find_members(list_id, "email", [ADA.upper(), BOB, "stranger@example.com"])
    assert (ada.email, ada.phone_number, bob.email) == (ADA, PHONE, BOB)
    assert client.find_members(list_id, "phone_number", [PHONE, GERMAN]) == [ada]


def test_historical_consent_keeps_its_own_time(client: Klaviyo, api: Api) -> None:
    row = consenting(email=ADA, historical_import=True, consented_at=AT)
    client.subscribe([row], None, None, historical=True)
    person = api.person(ADA)
    assert person is not None
    assert str(person["subscriptions"]["email"]["marketing"]["consent_timestamp"]).startswith("2024-04-01T18:37:06")
    assert isinstance(refused(client.subscribe, [row], None, None, historical=False), Rows)


def test_a_phone_the_account_cannot_send_to_is_told_as_the_phone_of_its_row(client: Klaviyo, api: Api) -> None:
    list_id = client.create_list("VIP")
    rows = [consenting(email=BOB), consenting(email=ADA, phone_number=GERMAN)]
    outcome = refused(client.subscribe, rows, list_id, None, historical=False)
    assert isinstance(outcome, Rows)
    assert [(error.index, only_sms(error)) for error in outcome.errors] == [(1, True)]
    assert api.members() == []
    client.subscribe([rows[0], subscription(ADA, None, None)], list_id, None, historical=False)
    assert set(api.members()) == {ADA, BOB}


def test_only_those_on_the_list_are_unsubscribed_when_they_are_looked_up_first(client: Klaviyo, api: Api) -> None:
    list_id = client.create_list("VIP")
    client.subscribe([consenting(email=ADA)], list_id, None, historical=False)
    client.subscribe([consenting(email=BOB)], client.create_list("other"), None, historical=False)
    found = client.find_members(list_id, "email", [ADA, BOB])
    client.unsubscribe([unsubscription(each.email, None) for each in found], list_id)
    assert api.members() == []
    assert api.consent(BOB) == "SUBSCRIBED"
    assert api.traps() == []


def test_without_a_list_everything_is_withdrawn_orders_by_sms_included(client: Klaviyo, api: Api) -> None:
    client.subscribe([consenting(email=ADA, phone_number=PHONE)], client.create_list("VIP"), None, historical=False)
    client.unsubscribe([unsubscription(ADA, PHONE)], None)
    person = api.person(ADA)
    assert person is not None
    sms = person["subscriptions"]["sms"]
    consents = [person["subscriptions"]["email"]["marketing"], sms["marketing"], sms["transactional"]]
    assert [consent["consent"] for consent in consents] == ["UNSUBSCRIBED"] * 3


def test_a_deleted_list_is_held_and_blames_nobody(client: Klaviyo) -> None:
    for outcome in (
        refused(client.subscribe, [consenting(email=ADA)], "XXXXXX", None, historical=False),
        refused(client.unsubscribe, [unsubscription(ADA, None)], "XXXXXX"),
        refused(client.find_members, "XXXXXX", "email", [ADA]),
    ):
        assert isinstance(outcome, HoldNeeded)
        assert (outcome.scope, outcome.reason) == ("list", "list_gone")


def test_the_largest_requests_are_taken(client: Klaviyo, api: Api) -> None:
    list_id = client.create_list("VIP")
    people = [f"p+{number}@example.com" for number in range(MAX_SUBSCRIBED)]
    client.subscribe([subscription(email, None, None) for email in people], list_id, None, historical=False)
    leaving = people[:MAX_UNSUBSCRIBED]
    assert {found.email for found in client.find_members(list_id, "email", leaving)} == set(leaving)
    client.unsubscribe([unsubscription(email, None) for email in leaving], list_id)
    assert set(api.members()) == set(people[MAX_UNSUBSCRIBED:])
    client.create_events([done(profile={"email": ADA}, unique_id=number) for number in range(MAX_EVENTS)])
    assert len(api.events()) == MAX_EVENTS


def test_events_come_with_their_time_value_and_person(client: Klaviyo, api: Api) -> None:
    profile = {"email": ADA, "phone_number": "(212) 556-0100", "country_code": "US", "plan": "gold", "city": "Rome"}
    client.create_events(
        [
            done(profile=profile, properties={"a": 1}, time=1700000000, value="9.99", unique_id="m-1"),
            done(profile={"anonymous_id": "an-1"}, unique_id="m-2"),
        ]
    )
    first, second = api.events(full="1")
    assert (first["profile"], first["unique_id"], first["value"], first["properties"]) == (ADA, "m-1", 9.99, {"a": 1})
    assert str(first["time"]).startswith("2023-11-14T22:13:20")
    assert (second["metric"], second["unique_id"]) == ("Bought", "m-2")
    person = api.person(ADA)
    assert person is not None
    assert "phone_number" not in person, "an event goes under one identifier"
    assert person["properties"] == {"plan": "gold"}
    assert person["location"]["city"] == "Rome"


def test_a_bad_event_is_named_and_none_is_recorded(client: Klaviyo, api: Api) -> None:
    late = done(profile={"email": ADA}, unique_id="m-2", time="2999-01-01")
    twice = done(profile={"email": BOB}, unique_id="m-3")
    for bad, index in (([late], 1), ([twice, twice], 2)):
        outcome = refused(client.create_events, [done(profile={"email": ADA}, unique_id="m-1"), *bad])
        assert isinstance(outcome, Rows)
        assert [error.index for error in outcome.errors] == [index]
    assert api.events() == []


def test_a_person_is_erased_by_any_identifier_and_nobody_twice(client: Klaviyo, api: Api) -> None:
    finished(
        client, client.import_profiles([encoded(email=ADA), encoded(phone_number=PHONE), encoded(email=BOB)], None)
    )
    bob = api.person(BOB)
    assert bob is not None
    assert client.delete_person("email", ADA)
    assert client.delete_person("phone_number", PHONE)
    assert client.delete_person("id", bob["id"])
    assert [api.person(who) for who in (ADA, PHONE, BOB)] == [None] * 3
    assert not client.delete_person("email", ADA)
    assert not client.delete_person("id", bob["id"])


def test_what_is_no_address_erases_nobody_and_is_not_taken_for_success(client: Klaviyo) -> None:
    assert isinstance(refused(client.delete_person, "email", "no address"), Dead)
