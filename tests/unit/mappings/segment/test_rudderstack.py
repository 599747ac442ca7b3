"""RudderStack's messages: where a field is found, what the flag asks for, and the options.

The places are those of RudderStack's mapping (rudder-transformer, KlaviyoProfileV2), then those that Ferry adds.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from mappings.consent import to_consent
from mappings.errors import Rejected
from mappings.rules import Rules
from mappings.segment.changes import route
from mappings.segment.paths import First, Path, Value
from mappings.segment.presets import PRESETS
from mappings.segment.routed import Routed
from mappings.segment.settings import of_preset, read
from tests.support.paths import ROOT

_DOCS = (ROOT / "docs" / "segment.md").read_text().split("\n## RudderStack\n")[1].split("\n## ")[0]
_ACTIONS = of_preset("rudderstack")
_FIVE = ("traits", "traits.address", "context.traits", "context.traits.address", "properties")
_THREE = ("traits", "context.traits", "properties")
_BOTH = ("traits", "context.traits")
_GROUPS = {"both traits": _BOTH, "three places": _THREE, "five places": _FIVE}


def _in(bases: tuple[str, ...], *names: str) -> list[str]:
    return [f"{base}.{name}" for base in bases for name in names]


PLACES: dict[str, list[str]] = {
    "email": _in(_THREE, "email"),
    "phone_number": [*_in(_THREE, "phone"), *_in(_BOTH, "phone_number")],
    "external_id": ["userId", *_in(_BOTH, "userId", "id")],
    "first_name": _in(_BOTH, "firstName", "firstname", "first_name"),
    "last_name": _in(_BOTH, "lastName", "lastname", "last_name"),
    "organization": [*_in(_THREE, "organization"), *_in(_BOTH, "company.name"), *_in(_BOTH, "company")],
    "title": _in(_THREE, "title"),
    "image": [*_in(_THREE, "image"), *_in(_BOTH, "avatar")],
    "location.address1": _in(_FIVE, "street"),
    "location.city": _in(_FIVE, "city"),
    "location.region": [
        *_in(_FIVE, "region"),
        *_in(("traits", "traits.address", "context.traits.address", "context.traits", "properties"), "state"),
    ],
    "location.zip": [*_in(_FIVE, "zip", "postalcode", "postalCode"), *_in(_FIVE, "postal_code")],
    "location.country": _in(_FIVE, "country"),
    "location.latitude": ["latitude", "context.address.latitude", "context.location.latitude"],
    "location.longitude": ["longitude", "context.address.longitude", "context.location.longitude"],
    "location.timezone": _in(_THREE, "timezone"),
    "location.ip": ["context.ip", "request_ip"],
}


def put(message: dict[str, Any], place: str, value: Any) -> None:
    """Put a value at a place such as `traits.address.city`."""
    *outer, last = place.split(".")
    for step in outer:
        message = message.setdefault(step, {})
    message[last] = value


def at(fields: dict[str, Any], field: str) -> Any:
    found: Any = fields
    for step in field.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def upserted(message: dict[str, Any]) -> dict[str, Any]:
    (routed,) = [each for each in route({"type": "identify", **message}, _ACTIONS) if each.kind == "profile"]
    return routed.fields


@pytest.mark.parametrize(
    ("field", "place"), [(field, place) for field, places in PLACES.items() for place in places], ids=str
)
def test_a_field_is_found_in_each_of_its_places(field: str, place: str) -> None:
    message: dict[str, Any] = {}
    put(message, place, "here")
    assert at(upserted(message), field) == "here"
    assert "properties" not in upserted(message)


@pytest.mark.parametrize("field", PLACES)
def test_of_two_places_the_earlier_one_counts_and_the_value_of_the_other_is_not_lost(field: str) -> None:
    for first, second in zip(PLACES[field], PLACES[field][1:], strict=False):
        if second.startswith(first) or first.startswith(second):
            continue
        message: dict[str, Any] = {}
        put(message, second, "second")
        put(message, first, "first")
        fields = upserted(message)
        assert at(fields, field) == "first", (first, second)
        shadowed = first.rpartition(".")[2] == second.rpartition(".")[2]
        if second.startswith(("traits.", "context.traits.")) and not shadowed:
            assert "second" in str(fields["properties"]), (first, second)


def test_the_documentation_lists_the_places_of_every_field() -> None:
    templates = PRESETS["rudderstack"].templates
    event = templates["track_event"].fields
    fields = {**templates["upsert_profile"].fields, **templates["upsert_profile"].fields["location"]}
    fields |= {**event, "anonymous_id": event["profile"]["anonymous_id"], "channels": "$.rudderstack.consent"}
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", _DOCS.split("### Fields")[1].split("###")[0], re.MULTILINE))
    (action,) = read([{"action": "upsert_profile"}], "rudderstack")
    (tracking,) = read([{"action": "track_event"}], "rudderstack")
    parsed: dict[str, Value] = {**action.fields, **_table(action.fields["location"])}
    parsed |= {**tracking.fields, **_table(tracking.fields["profile"])}
    for field, cell in rows.items():
        expected = [place for clause in cell.split("; ") for place in _expanded(clause)]
        assert _texts(parsed.get(field, Path(("rudderstack", "consent")))) == expected, field
    assert {name.rpartition(".")[2] for name in PLACES} <= rows.keys()
    for name, default in fields.items():
        assert default is None or name in rows or f"`{name}`" in _DOCS or name in ("location", "profile", "properties")


def _table(value: Value) -> dict[str, Value]:
    assert isinstance(value, dict)
    return value


def _texts(value: Value) -> list[str]:
    places = value.places if isinstance(value, First) else (value,)
    return [".".join(map(str, place.steps)) for place in places if isinstance(place, Path)]


def _expanded(clause: str) -> list[str]:
    names = re.findall(r"`([^`]+)`", clause)
    _, _, group = clause.partition("` in ")
    return _in(_GROUPS[group], *names) if group else names


@pytest.mark.parametrize("place", [_BOTH[0], _BOTH[1]])
def test_the_spellings_of_an_identify_fill_their_fields_and_the_rest_are_properties(place: str) -> None:
    traits = {
        "email": "ann@example.com",
        "firstname": "Ann",
        "last_name": "Lee",
        "phone_number": "+14155552671",
        "city": "Oslo",
        "zip": "0150",
        "street": "1 Road",
        "company": "ACME",
        "avatar": "https://x/y.png",
        "title": "Dr",
        "plan": "gold",
        "state": "Viken",
    }
    message: dict[str, Any] = {"userId": "u-1", "anonymousId": "device"}
    put(message, place, traits)
    assert upserted(message) == {
        "email": "ann@example.com",
        "phone_number": "+14155552671",
        "external_id": "u-1",
        "first_name": "Ann",
        "last_name": "Lee",
        "organization": "ACME",
        "image": "https://x/y.png",
        "title": "Dr",
        "location": {"city": "Oslo", "zip": "0150", "address1": "1 Road", "region": "Viken"},
        "properties": {"plan": "gold"},
    }


def test_an_email_that_is_told_everywhere_is_no_property() -> None:
    traits = {"email": "ann@example.com", "userId": "u-1", "id": "u-1"}
    fields = upserted({"userId": "u-1", "traits": traits, "context": {"traits": {**traits, "anonymousId": "d"}}})
    assert fields == {"email": "ann@example.com", "external_id": "u-1"}


def test_ids_of_klaviyo_and_of_a_device_identify_nobody() -> None:
    external = [{"type": "klaviyo-profileId", "id": "01HXYZ"}]
    message = {"anonymousId": "device", "traits": {"_kx": "k", "plan": "gold"}, "context": {"externalId": external}}
    (routed,) = route({"type": "identify", **message}, _ACTIONS)
    assert (routed.reason, routed.fields) == ("no_identifier", {"properties": {"plan": "gold"}})


def _of(message: dict[str, Any], kind: str) -> list[Routed]:
    return [routed for routed in route(message, _ACTIONS) if routed.kind == kind]


def _identify(**properties: Any) -> dict[str, Any]:
    return {"type": "identify", "context": {"traits": {"email": "ann@example.com", "properties": properties}}}


def _group(**traits: Any) -> dict[str, Any]:
    return {"type": "group", "groupId": "L1", "traits": {"email": "ann@example.com", **traits}}


@pytest.mark.parametrize("ask", [_identify, _group])
@pytest.mark.parametrize(
    ("flag", "changes"),
    [
        (True, ["add"]),
        ("true", ["add"]),
        (" TRUE ", ["add"]),
        (False, ["remove"]),
        ("false", ["remove"]),
        (None, []),
        ("yes", []),
        (1, []),
        ([], []),
        ({}, []),
    ],
)
def test_the_flag_puts_on_the_list_or_takes_off_and_nothing_else_does(ask: Any, flag: Any, changes: list[str]) -> None:
    found = _of(ask(subscribe=flag, listId="L1"), "audience")
    assert [routed.change for routed in found] == changes
    assert all((routed.list_id, routed.reason) == ("L1", None) for routed in found)
    assert _of(ask(subscribe=flag, listId="L1"), "consent") == []


@pytest.mark.parametrize(
    "message",
    [
        _identify(subscribe=True),
        _identify(listId="L1"),
        _identify(subscribe=True, listId=""),
        {"type": "identify", "traits": {"email": "a@b.cc", "subscribe": True, "listId": "L1"}},
        {
            "type": "identify",
            "traits": {"email": "a@b.cc"},
            "context": _identify(subscribe=True, listId="L1")["context"],
        },
        {"type": "group", "groupId": "L1"},
        {"type": "group", "groupId": "L1", "traits": {"plan": "x"}, "context": {"traits": {"subscribe": True}}},
        {"type": "group", "groupId": "L1", "traits": "x"},
        {"type": "track", "event": "Clicked", "groupId": "L1", "traits": {"subscribe": True}},
        {"type": "track", "event": "Audience Entered", "context": {"traits": {"email": "a@b.cc"}}},
        {"type": "alias", "groupId": "L1", "traits": {"subscribe": True}},
        {"type": "identify", "rudderstack": {"subscribe": True, "list": "L1"}, "traits": {"email": "a@b.cc"}},
    ],
)
def test_without_flag_and_list_in_one_place_nobody_joins_or_leaves(message: dict[str, Any]) -> None:
    assert [*_of(message, "audience"), *_of(message, "consent")] == []


def test_a_group_with_the_flag_and_no_list_is_a_dead_letter() -> None:
    (routed,) = _of({**_group(subscribe=True), "groupId": None}, "audience")
    assert (routed.reason, "groupId of the message" in str(routed.detail)) == ("list_unknown", True)


def test_the_list_is_joined_with_identifiers_only_and_the_profile_has_the_rest() -> None:
    traits = {"email": "a@b.cc", "firstName": "Ann", "properties": {"subscribe": True, "listId": "L1", "shoe": 40}}
    message = {"type": "identify", "userId": "u-1", "traits": traits}
    (joined,), (profile,) = _of(message, "audience"), _of(message, "profile")
    assert joined.fields == {"email": "a@b.cc", "external_id": "u-1"}
    assert profile.fields["properties"] == {"properties": {"shoe": 40}}
    assert profile.fields["first_name"] == "Ann"


@pytest.mark.parametrize("ask", [_identify, _group])
@pytest.mark.parametrize(
    ("consent", "channels", "reason"),
    [
        (["email"], ["email"], None),
        ("sms", ["sms"], None),
        (["sms", "email"], ["email", "sms"], None),
        (["email", "push"], ["email"], None),
        (["push"], [], "channel_unknown"),
        (["Email", " SMS "], ["email", "sms"], None),
        ("email, sms", ["email", "sms"], None),
        ("EMAIL", ["email"], None),
        ("e-mail", [], "channel_unknown"),
        ({"email": True}, [], "channel_unknown"),
        (True, [], "channel_unknown"),
        ([["email"]], [], "channel_unknown"),
    ],
)
def test_only_named_channels_are_subscribed(ask: Any, consent: Any, channels: list[str], reason: str | None) -> None:
    (routed,) = _of(ask(subscribe=True, listId="L1", consent=consent), "consent")
    assert (routed.change, routed.reason) == ("subscribe", reason)
    assert "list_id" not in routed.fields
    if reason is None:
        assert routed.fields["channels"] == channels
    else:  # nor does a replay of the dead letter subscribe anybody
        with pytest.raises(Rejected):
            to_consent(orjson.dumps(routed.fields), Rules())


@pytest.mark.parametrize("nothing", [None, [], "", {}])
def test_without_a_channel_nobody_is_subscribed(nothing: Any) -> None:
    assert _of(_group(subscribe=True, consent=nothing), "consent") == []
    assert [routed.change for routed in _of(_group(subscribe=True, consent=nothing), "audience")] == ["add"]


def test_the_channels_of_the_traits_come_before_those_of_their_properties() -> None:
    traits = {"email": "a@b.cc", "consent": ["sms"], "properties": {"consent": ["email"]}}
    (routed,) = _of({"type": "group", "groupId": "L1", "traits": {**traits, "subscribe": True}}, "consent")
    assert routed.fields["channels"] == ["sms"]
    message = {"type": "group", "groupId": "L1", "traits": {"subscribe": True, "properties": {"consent": "email"}}}
    (routed,) = _of({**message, "context": {"traits": {"email": "a@b.cc"}}}, "consent")
    assert (routed.fields["channels"], routed.fields["email"]) == (["email"], "a@b.cc")


def test_an_unknown_channel_is_named_and_what_may_be_an_address_is_not() -> None:
    (routed,) = _of(_group(subscribe=True, consent=["push", "ann@example.com"]), "consent")
    assert "none of the channels email, sms, but push, (a name of 15 characters);" in str(routed.detail)


def test_who_leaves_a_list_takes_back_what_waits_for_it_in_the_named_channels() -> None:
    message = _group(subscribe=False, consent="Email", phone="+14155552671")
    (routed,) = _of(message, "consent")
    assert (routed.change, routed.reason) == ("unsubscribe", None)
    assert routed.fields == {
        "email": "ann@example.com",
        "phone_number": "+14155552671",
        "channels": ["email"],
        "list_id": "L1",
        "waiting_only": True,
    }
    (removal,) = _of(message, "audience")
    assert removal.fields == {"email": "ann@example.com", "phone_number": "+14155552671"}
    (given,) = _of(_group(subscribe=True, consent="email"), "consent")
    assert given.fields["given_for"] == "L1"


@pytest.mark.parametrize(
    "message",
    [
        _group(subscribe=False),
        _group(subscribe=False, consent=["push"]),
        _group(subscribe=False, consent=["sms"]),
        {**_group(subscribe=False, consent=["email"]), "groupId": None},
        {"type": "group", "groupId": "L1", "userId": "u-1", "traits": {"subscribe": False, "consent": ["email"]}},
    ],
)
def test_without_channel_list_or_address_nothing_is_taken_back(message: dict[str, Any]) -> None:
    assert _of(message, "consent") == []


def test_who_leaves_a_list_is_unsubscribed_only_by_an_action_that_says_so() -> None:
    message = _group(subscribe=False, consent=["email"])
    (routed,) = route(message, read([{"action": "unsubscribe_profile"}], "rudderstack"))
    assert (routed.change, routed.fields["list_id"], routed.fields["channels"]) == ("unsubscribe", "L1", ["email"])
    assert list(route(_group(subscribe=False), read([{"action": "unsubscribe_profile"}], "rudderstack"))) == []


def test_an_action_of_ones_own_may_fix_the_list_and_the_channels() -> None:
    entry = {"action": "subscribe_profile", "trigger": "traits.news = true", "list_id": "L9"}
    message = {"type": "identify", "traits": {"email": "a@b.cc", "news": True}}
    (routed,) = route(message, read([{**entry, "fields": {"channels": ["email"]}}], "rudderstack"))
    assert (routed.fields["channels"], routed.fields["list_id"], routed.reason) == (["email"], "L9", None)
    (unnamed,) = route(message, read([entry], "rudderstack"))
    assert unnamed.reason == "channel_unknown"
    with pytest.raises(Rejected):
        to_consent(orjson.dumps(unnamed.fields), Rules())


def _options(name: str = "Klaviyo", **options: Any) -> dict[str, Any]:
    traits = {"email": "a@b.cc", "tags": ["new"], "sku": "1", "plan": "gold", "gone": None}
    return {"traits": traits, "integrations": {"All": True, name: options}}


@pytest.mark.parametrize("name", ["Klaviyo", "KLAVIYO", "klaviyo", "Klaviyo (Actions)"])
def test_the_options_patch_lists_and_remove_properties(name: str) -> None:
    options = {
        "fieldsToAppend": ["tags"],
        "fieldsToUnappend": ["sku", "gone", "nothing"],
        "fieldsToUnset": ["plan", "x"],
    }
    assert upserted(_options(name, **options)) == {
        "email": "a@b.cc",
        "append": {"tags": ["new"]},
        "unappend": {"sku": "1"},
        "unset": ["plan", "x"],
    }


@pytest.mark.parametrize("wrong", [None, {}, 5, True, [], [1, None], "nothing"])
def test_options_of_another_form_patch_nothing(wrong: Any) -> None:
    fields = upserted(_options(fieldsToAppend=wrong, fieldsToUnappend=wrong))
    assert fields.keys() == {"email", "properties"}
    assert fields["properties"] == {"tags": ["new"], "sku": "1", "plan": "gold", "gone": None}


def test_options_in_segments_preset_are_not_read() -> None:
    message = {"type": "identify", **_options(fieldsToUnset=["plan"])}
    (routed,) = route(message, read([{"action": "upsert_profile"}]))
    assert routed.fields == {"email": "a@b.cc"}


def test_an_order_is_one_event_with_its_value_and_currency() -> None:
    properties = {"order_id": "o-1", "revenue": "9.5", "currency": "eur", "products": [{"product_id": "p1"}]}
    message = {"type": "track", "event": "Order Completed", "messageId": "m-1", "properties": properties}
    (routed,) = route({**message, "userId": "u-1", "timestamp": "2026-01-01T00:00:00Z"}, _ACTIONS)
    assert routed.fields == {
        "metric": "Order Completed",
        "profile": {"external_id": "u-1"},
        "properties": properties,
        "time": "2026-01-01T00:00:00.000Z",
        "value": "9.5",
        "value_currency": "eur",
        "unique_id": "m-1",
    }


@pytest.mark.parametrize(
    ("message", "metric"),
    [
        ({"type": "screen", "name": "Home"}, "Home"),
        ({"type": "screen", "event": "Seen", "name": "Home"}, "Seen"),
        ({"type": "track", "event": "Clicked"}, "Clicked"),
    ],
)
def test_a_track_and_a_screen_are_events(message: dict[str, Any], metric: str) -> None:
    (routed,) = route({**message, "context": {"traits": {"email": "a@b.cc"}}}, _ACTIONS)
    assert (routed.kind, routed.fields["metric"], routed.fields["profile"]) == ("event", metric, {"email": "a@b.cc"})


@pytest.mark.parametrize("kind", ["page", "alias", "group"])
def test_other_messages_do_nothing(kind: str) -> None:
    assert list(route({"type": kind, "userId": "u-1", "traits": {"email": "a@b.cc"}}, _ACTIONS)) == []
