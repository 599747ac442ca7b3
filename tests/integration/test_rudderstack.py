"""From RudderStack's POST to Klaviyo: profiles, lists, consents and events, by the preset and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.emulator_api import EVENTS, SUBSCRIBE, UNSUBSCRIBE
from tests.support.segment_world import PROFILES, SegmentWorld, segment_world

CONNECTIONS = """
[connections.default]
preset = "rudderstack"

[connections.journeys]
api_key_env = "KLAVIYO_API_KEY"
preset = "segment_journeys"

[connections.warehouse]
api_key_env = "KLAVIYO_API_KEY"
preset = "segment_warehouse"

[connections.leaving]
api_key_env = "KLAVIYO_API_KEY"
preset = "rudderstack"
actions = [{action = "unsubscribe_profile"}]
"""
PHONE = "+14155552671"


@pytest.fixture(scope="module")
def served(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SegmentWorld]:
    with segment_world(redis_server, CONNECTIONS, tmp_path_factory.mktemp("rudderstack")) as world:
        yield world


@pytest.fixture
def rudder(served: SegmentWorld) -> SegmentWorld:
    served.empty()
    return served


def identify(options: dict[str, Any] | None = None, /, **traits: Any) -> dict[str, Any]:
    """As RudderStack's libraries for websites and apps send it: the traits are in the context."""
    context = {"traits": {"email": "ann@example.com", **traits}, "library": {"name": "RudderLabs JavaScript SDK"}}
    integrations = {"All": True, "Klaviyo": options} if options else {"All": True}
    return {"type": "identify", "channel": "web", "userId": "u-1", "context": context, "integrations": integrations}


def group(list_id: str, **traits: Any) -> dict[str, Any]:
    context = {"traits": {"email": "ann@example.com", "phone": PHONE}}
    return {"type": "group", "userId": "u-1", "groupId": list_id, "traits": traits, "context": context}


def ann(rudder: SegmentWorld) -> dict[str, Any]:
    found = rudder.person("ann@example.com")
    assert found is not None
    return found


def consents(person: dict[str, Any]) -> dict[str, str]:
    """What the person agreed to or refused, by channel."""
    subscriptions = person["subscriptions"].items()
    found = {
        channel: kinds["marketing"]["consent"] for channel, kinds in subscriptions if kinds and "marketing" in kinds
    }
    return {channel: consent for channel, consent in found.items() if consent != "NEVER_SUBSCRIBED"}


def test_an_identify_fills_every_field_that_it_spells_and_keeps_the_rest_as_properties(rudder: SegmentWorld) -> None:
    traits = {
        "firstname": "Ann",
        "last_name": "Lee",
        "phone_number": PHONE,
        "company": "ACME",
        "avatar": "https://x/y.png",
    }
    address = {"city": "Oslo", "zip": "0150", "street": "1 Road", "state": "Viken"}
    rudder.send(identify(**traits, **address, title="Dr", plan="gold", pet={"name": "Rex"}))
    person = ann(rudder)
    assert (person["first_name"], person["last_name"], person["title"]) == ("Ann", "Lee", "Dr")
    assert (person["phone_number"], person["external_id"], person["organization"]) == (PHONE, "u-1", "ACME")
    assert person["image"] == "https://x/y.png"
    assert person["location"] == {"city": "Oslo", "zip": "0150", "address1": "1 Road", "region": "Viken"}
    assert person["properties"] == {"plan": "gold", "pet": {"name": "Rex"}}
    assert (person["lists"], consents(person)) == ([], {})
    assert not rudder.letters()


def test_a_null_in_the_address_clears_the_field_wherever_it_is(rudder: SegmentWorld) -> None:
    rudder.send(identify(city="Oslo", address={"zip": "0150", "country": "NO"}))
    rudder.send(identify(city=None, address={"zip": None}))
    assert ann(rudder)["location"] == {"country": "NO"}


def test_options_patch_lists_and_remove_properties_and_fields(rudder: SegmentWorld) -> None:
    rudder.send(identify(tags=["a"], old=["x", "y"], plan="gold", title="Dr", kept=1))
    options = {"fieldsToAppend": ["tags"], "fieldsToUnappend": ["old"], "fieldsToUnset": ["plan", "title"]}
    rudder.send(identify(options, tags="b", old=["x"]))
    person = ann(rudder)
    assert person["properties"] == {"tags": ["a", "b"], "old": ["y"], "kept": 1}
    assert "title" not in person
    assert not rudder.letters()


def test_options_of_messages_that_wait_together_are_all_carried_out_in_order(rudder: SegmentWorld) -> None:
    rudder.send(identify(tags=["a"]))
    append, unappend = {"fieldsToAppend": ["tags"]}, {"fieldsToUnappend": ["tags"]}
    rudder.send(identify(append, tags=["b", "c"]), identify(unappend, tags=["a", "b"]), identify(append, tags="d"))
    assert ann(rudder)["properties"] == {"tags": ["c", "d"]}


@pytest.mark.parametrize("named", ["group", "identify"])
def test_the_flag_puts_on_the_list_and_takes_off_and_nobody_is_subscribed_or_unsubscribed(
    rudder: SegmentWorld, named: str
) -> None:
    list_id = rudder.create_list("News")

    def flagged(*, subscribe: bool) -> dict[str, Any]:
        if named == "group":
            return group(list_id, subscribe=subscribe)
        return identify(properties={"listId": list_id, "subscribe": subscribe})

    rudder.send(flagged(subscribe=True))
    assert rudder.members("News") == {"ann@example.com"}
    assert consents(ann(rudder)) == {}
    rudder.send(flagged(subscribe=False))
    assert rudder.members("News") == set()
    assert consents(ann(rudder)) == {}
    assert [*rudder.requests(SUBSCRIBE), *rudder.requests(UNSUBSCRIBE)] == []
    assert not rudder.letters()


@pytest.mark.parametrize(
    ("named", "subscribed"), [(["email"], {"email"}), ("sms", {"sms"}), (["email", "sms"], {"email", "sms"})]
)
def test_the_named_channels_are_subscribed_on_one_profile(
    rudder: SegmentWorld, named: Any, subscribed: set[str]
) -> None:
    list_id = rudder.create_list("News")
    rudder.send(group(list_id, subscribe=True, consent=named))
    person = ann(rudder)
    assert (person["phone_number"], person["lists"]) == (PHONE, ["News"])
    assert consents(person) == dict.fromkeys(subscribed, "SUBSCRIBED")
    assert len(rudder.account.profiles.by_id) == 1
    assert not rudder.letters()


def test_who_leaves_keeps_the_consent_and_may_come_back(rudder: SegmentWorld) -> None:
    list_id = rudder.create_list("News")
    for subscribe in (True, False, True):
        rudder.send(group(list_id, subscribe=subscribe, consent=["email"]))
        assert rudder.members("News") == ({"ann@example.com"} if subscribe else set())
        assert consents(ann(rudder)) == {"email": "SUBSCRIBED"}
    assert rudder.look("traps") == []


def test_a_consent_does_not_put_back_who_has_left_meanwhile(rudder: SegmentWorld) -> None:
    list_id = rudder.create_list("News")
    rudder.post(group(list_id, subscribe=True, consent=["email"]))
    rudder.post(group(list_id, subscribe=False))
    rudder.settle()
    assert rudder.members("News") == set()
    assert consents(ann(rudder)) == {"email": "SUBSCRIBED"}


def test_who_says_no_before_the_consent_is_sent_is_not_subscribed(rudder: SegmentWorld) -> None:
    news, other = rudder.create_list("News"), rudder.create_list("Other")
    rudder.send(group(news, subscribe=True, consent=["email"]), group(news, subscribe=False, consent=["email"]))
    assert (rudder.members("News"), rudder.requests(SUBSCRIBE), rudder.requests(UNSUBSCRIBE)) == (set(), [], [])
    asked = (group(each, subscribe=True, consent=["email"]) for each in (other, news))
    rudder.send(*asked, group(news, subscribe=False, consent=["email"]))
    assert (rudder.members("News"), rudder.members("Other")) == (set(), {"ann@example.com"})
    assert consents(ann(rudder)) == {"email": "SUBSCRIBED"}
    assert not rudder.letters()


def test_an_unknown_channel_is_a_dead_letter_and_the_list_is_joined(rudder: SegmentWorld) -> None:
    list_id = rudder.create_list("News")
    rudder.send(group(list_id, subscribe=True, consent=["push"]))
    assert rudder.members("News") == {"ann@example.com"}
    assert rudder.reasons() == {"channel_unknown": 1}


def test_an_action_may_unsubscribe_who_leaves_from_that_list_and_no_other(rudder: SegmentWorld) -> None:
    news, other = rudder.create_list("News"), rudder.create_list("Other")
    for list_id in (news, other):
        rudder.send(group(list_id, subscribe=True, consent=["email"]))
    rudder.send(group(news, subscribe=False, consent=["email"]), connection="leaving")
    assert (rudder.members("News"), rudder.members("Other")) == (set(), {"ann@example.com"})
    assert rudder.look("traps") == []


def test_a_track_and_a_screen_are_events_of_the_person_whom_the_identify_names(rudder: SegmentWorld) -> None:
    rudder.send(identify())
    track = {"type": "track", "event": "Product Viewed", "userId": "u-1", "properties": {"title": "Shoe", "sku": "s-1"}}
    screen = {"type": "screen", "name": "Home", "userId": "u-1", "properties": {}}
    rudder.send(track, screen)
    person = ann(rudder)
    events = rudder.events()
    assert {event["metric"]: event["profile_id"] for event in events} == {
        "Product Viewed": person["id"],
        "Home": person["id"],
    }
    assert "title" not in person
    assert len(rudder.account.profiles.by_id) == 1


def test_an_order_is_one_event_with_its_value_and_currency(rudder: SegmentWorld) -> None:
    properties = {"order_id": "o-1", "total": "99.99", "currency": "eur", "products": [{"product_id": "p-1"}]}
    order = {"type": "track", "event": "Order Completed", "context": {"traits": {"email": "ann@example.com"}}}
    rudder.send({**order, "messageId": "m-1", "properties": properties})
    (event,) = rudder.events()
    assert (event["metric"], event["unique_id"]) == ("Order Completed", "m-1")
    assert (event["value"], event["value_currency"]) == (99.99, "EUR")
    assert event["properties"] == properties


@pytest.mark.parametrize("currency", ["euro", 978, None])
def test_a_currency_that_is_none_costs_an_event_nothing_else(rudder: SegmentWorld, currency: Any) -> None:
    context = {"traits": {"email": "ann@example.com"}}
    properties = {"value": 5, "currency": currency}
    rudder.send({"type": "track", "event": "Bought", "context": context, "properties": properties})
    (event,) = rudder.events()
    assert (event["value"], event["value_currency"]) == (5, None)
    assert [request["status"] for request in rudder.requests(EVENTS)] == [202]


def test_an_id_of_klaviyo_renames_and_merges_nobody(rudder: SegmentWorld) -> None:
    rudder.send(identify(firstName="Ann"))
    external = [{"type": "klaviyo-profileId", "id": ann(rudder)["id"]}]
    other = {"traits": {"email": "bob@example.com", "firstName": "Bob"}, "externalId": external}
    rudder.send({"type": "identify", "userId": "u-2", "context": other})
    bob = rudder.person("bob@example.com")
    assert bob is not None
    assert (ann(rudder)["first_name"], bob["first_name"]) == ("Ann", "Bob")
    rudder.send({"type": "identify", "context": {"traits": {"firstName": "Eve"}, "externalId": external}})
    assert rudder.reasons() == {"no_identifier": 1}
    assert ann(rudder)["first_name"] == "Ann"


def test_a_message_that_is_not_for_klaviyo_by_rudderstacks_name_is_not_sent(rudder: SegmentWorld) -> None:
    answer = rudder.post({**identify(), "integrations": {"All": True, "KLAVIYO": False}})
    assert answer["unmapped"] == 1
    assert rudder.queues() == []


def test_a_wrong_phone_costs_an_identify_the_phone_only(rudder: SegmentWorld) -> None:
    rudder.send(identify(phone="555", plan="gold"))
    assert ann(rudder)["properties"] == {"plan": "gold"}
    assert "phone_number" not in ann(rudder)
    assert rudder.of(PROFILES).left_out() == {"phone_invalid": 1}


def entered(event: str, key: str, **more: Any) -> dict[str, Any]:
    personas = {"computation_key": key, "computation_class": "journey_step"}
    return {"type": "track", "event": event, "userId": "u-1", "context": {"personas": personas}, **more}


def test_a_step_of_a_journey_is_a_list_whatever_its_event_is_called(rudder: SegmentWorld) -> None:
    properties = {"email": "ann@example.com", "firstName": "Ann"}
    rudder.send(entered("Send the mail", "step_1", properties=properties), connection="journeys")
    assert rudder.members("step_1") == {"ann@example.com"}
    assert [event["metric"] for event in rudder.events()] == ["Send the mail"]
    left = entered("Send the mail", "step_1", properties={**properties, "step_1": False})
    rudder.send(left, connection="journeys")
    assert rudder.members("step_1") == set()


def test_an_entity_of_a_linked_audience_puts_on_the_list_and_takes_nobody_off(rudder: SegmentWorld) -> None:
    list_id = rudder.create_list("VIPs")
    personas = {"computation_class": "audience", "external_audience_id": list_id}
    context = {"personas": personas, "traits": {"email": "ann@example.com"}}
    for event, members in (("Entity Added", 1), ("Entity Removed", 1), ("Audience Exited", 0)):
        rudder.send({"type": "track", "event": event, "context": context}, connection="warehouse")
        assert len(rudder.members("VIPs")) == members, event
