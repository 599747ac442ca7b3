from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.segment.actions import unchanged
from mappings.segment.changes import route
from mappings.segment.routed import Routed
from mappings.segment.settings import DEFAULTS, read
from tests.support.segment import followed

_IDENTIFY = {"type": "identify", "userId": "u-1", "traits": {"email": "ann@example.com", "firstName": "Ann"}}
_TRACK = {"type": "track", "context": {"traits": {"email": "ann@example.com"}}, "timestamp": "2026-01-01T00:00:00Z"}


def _by(message: dict[str, Any], **entry: Any) -> list[Routed]:
    return list(route(message, read([entry])))


def _one(message: dict[str, Any], **entry: Any) -> Routed:
    (routed,) = _by(message, **entry)
    return routed


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (_IDENTIFY, ["profile update"]),
        (_TRACK | {"event": "Clicked"}, ["event event"]),
        (_TRACK | {"event": "Order Completed"}, ["event event"]),
        (_TRACK | {"event": "User Subscribed"}, ["consent subscribe", "event event"]),
        (_TRACK | {"event": "User Unsubscribed"}, ["consent unsubscribe", "event event"]),
        (_TRACK | {"event": "Audience Entered"}, ["audience add", "event event"]),
        (_TRACK | {"event": "Audience Exited"}, ["audience remove", "event event"]),
        *(({**_IDENTIFY, "type": other}, []) for other in ("page", "screen", "group", "alias", "delete", "Identify")),
        ({}, []),
    ],
)
def test_the_default_actions_are_for_these_messages(message: dict[str, Any], changes: list[str]) -> None:
    assert [f"{routed.kind} {routed.change}" for routed in route(message, DEFAULTS)] == changes


def test_a_completed_order_is_not_tracked_again_by_whatever_trigger() -> None:
    actions = read([{"action": "track_event"}, {"action": "order_completed", "trigger": 'event = "Bought"'}])
    bought = route(_TRACK | {"event": "Bought"}, actions)
    assert [routed.fields["metric"] for routed in bought] == ["Order Completed"]
    other = route(_TRACK | {"event": "Order Completed"}, actions)
    assert [routed.fields["metric"] for routed in other] == ["Order Completed"]


def test_an_upsert_becomes_a_profile_or_with_a_list_a_member() -> None:
    profile = _one(_IDENTIFY, action="upsert_profile")
    assert (profile.kind, profile.change, profile.audience_id) == ("profile", "update", None)
    assert profile.fields == {"email": "ann@example.com", "external_id": "u-1", "first_name": "Ann"}
    member = _one(_IDENTIFY, action="upsert_profile", list_id="L1")
    assert (member.kind, member.change) == ("audience", "add")
    assert (member.list_id, member.audience_id, member.audience_name) == ("L1", "list:L1", None)
    assert member.fields == profile.fields


def test_a_list_that_the_message_overrides_with_wins() -> None:
    message = _IDENTIFY | {"integrations": {"Klaviyo": {"listId": 17}}}
    assert _one(message, action="upsert_profile", list_id="L1").list_id == "17"


def test_a_list_that_is_no_text_is_told_and_the_other_actions_go_on() -> None:
    message = _IDENTIFY | {"integrations": {"Klaviyo": {"listId": {"id": 1}}}}
    wrong, right = route(
        message, read([{"action": "upsert_profile"}, {"action": "track_event", "trigger": "type != 1"}])
    )
    assert (wrong.reason, wrong.audience_id) == ("list_unknown", None)
    assert wrong.detail is not None
    assert right.reason is None


@pytest.mark.parametrize("phone", [{"traits": {"phone": "1"}}, {"context": {"traits": {"phone": "1"}}}])
@pytest.mark.parametrize("action", ["upsert_profile", "remove_profile"])
def test_the_phone_is_found_among_either_traits(action: str, phone: dict[str, Any]) -> None:
    routed = _one({"type": "identify"} | phone, action=action, list_id="L1")
    assert routed.fields == {"phone_number": "1"}


def test_a_blank_email_gives_way_to_the_one_of_the_context() -> None:
    message = {"type": "identify", "traits": {"email": " "}, "context": {"traits": {"email": "ann@example.com"}}}
    assert _one(message, action="upsert_profile").fields == {"email": "ann@example.com"}


def test_the_user_id_is_the_external_id_of_a_person_and_of_an_event() -> None:
    assert _one(_IDENTIFY, action="upsert_profile").fields["external_id"] == "u-1"
    entered = _TRACK | {"event": "Audience Entered", "userId": "u-1"}
    assert _one(entered, action="add_profile_to_list", list_id="L1").fields["external_id"] == "u-1"
    assert _one(entered, action="track_event").fields["profile"]["external_id"] == "u-1"
    for left_out in ({"user_id_as_external_id": False}, {"fields": {"external_id": ""}}):
        assert "external_id" not in _one(_IDENTIFY, action="upsert_profile", **left_out).fields


def test_a_user_id_alone_identifies_a_person() -> None:
    routed = _one({"type": "identify", "userId": "u-1", "traits": {"plan": "gold"}}, action="upsert_profile")
    assert (routed.reason, routed.fields) == (None, {"external_id": "u-1"})
    assert routed.identities == (("external_id", "u-1"), ("user_id", "u-1"))


def test_custom_traits_are_properties_only_when_asked() -> None:
    message = _IDENTIFY | {
        "traits": {"email": "ann@example.com", "plan": "gold", "address": {"city": "Oslo"}, "left": None},
        "context": {"traits": {"plan": "old", "size": 40}},
        "properties": {"size": 41},
    }
    assert _one(message, action="upsert_profile").fields["properties"] == {"size": 41}
    asked = _one(message, action="upsert_profile", traits_as_properties=True)
    assert asked.fields["properties"] == {"plan": "gold", "size": 41, "left": None}
    assert asked.fields["location"] == {"city": "Oslo"}


def test_properties_that_are_no_table_are_left_for_the_dead_letter_to_tell() -> None:
    routed = _one(_IDENTIFY | {"properties": "x"}, action="upsert_profile", traits_as_properties=True)
    assert routed.fields["properties"] == "x"


def test_remove_profile_fires_for_identify_and_acts_only_where_its_list_is_found() -> None:
    entry = {"action": "remove_profile", "list_id": "$.traits.left"}
    assert _by(_IDENTIFY, **entry) == []
    left = _one(_IDENTIFY | {"traits": {"email": "ann@example.com", "left": "L1"}}, **entry)
    assert (left.change, left.list_id) == ("remove", "L1")
    assert left.fields == {"email": "ann@example.com", "external_id": "u-1"}


def test_a_consent_says_since_when_only_when_it_is_historical() -> None:
    message = _TRACK | {"event": "User Subscribed", "userId": "u-1"}
    routed = _one(message, action="subscribe_profile", list_id="$.nothing")
    assert routed.fields == {"email": "ann@example.com", "custom_source": "-59"}
    historical = _one(message, action="subscribe_profile", list_id="L1", fields={"historical_import": True})
    since = {"list_id": "L1", "historical_import": True, "consented_at": "2026-01-01T00:00:00Z"}
    assert historical.fields == routed.fields | since


@pytest.mark.parametrize("said", ["false", "no", 0, None, [], {}])
def test_only_true_makes_a_consent_historical(said: Any) -> None:
    message = _TRACK | {"event": "User Subscribed", "properties": {"old": said}}
    routed = _one(message, action="subscribe_profile", fields={"historical_import": "$.properties.old"})
    assert "historical_import" not in routed.fields
    message["properties"] = {"old": "true"}
    assert _one(message, action="subscribe_profile", fields={"historical_import": "$.properties.old"}).fields[
        "historical_import"
    ]


def test_a_list_of_a_wrong_type_never_makes_an_unsubscribe_a_global_one() -> None:
    message = _TRACK | {"event": "User Unsubscribed", "properties": {"list": ["L1"]}}
    assert _one(message, action="unsubscribe_profile", list_id="$.properties.list").fields["list_id"] == ["L1"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"action": "upsert_profile"}, _IDENTIFY),
        ({"action": "upsert_profile", "list_id": "L1"}, _IDENTIFY),
        ({"action": "subscribe_profile", "trigger": 'type = "identify"'}, _IDENTIFY),
    ],
)
def test_whom_nothing_identifies_is_dead_on_arrival(entry: dict[str, Any], message: dict[str, Any]) -> None:
    routed = _one(message | {"userId": None, "traits": {"firstName": "Ann"}}, **entry)
    assert routed.reason == "no_identifier"
    assert "map another field to it" in (routed.detail or "")
    assert "Ann" not in (routed.detail or "")


@pytest.mark.parametrize(
    ("person", "identities"),
    [
        ({"email": "a@b.cc", "phone": "1"}, (("email", "a@b.cc"), ("phone", "1"), ("user_id", "u-1"))),
        ({"phone": 1}, (("phone", "1"), ("user_id", "u-1"))),
        ({"email": "a@b.cc", "id": "x"}, (("email", "a@b.cc"), ("external_id", "x"), ("user_id", "u-1"))),
    ],
)
def test_persons_are_told_apart_by_email_phone_and_their_ids(
    person: dict[str, Any], identities: tuple[tuple[str, str], ...]
) -> None:
    message = {"type": "identify", "userId": "u-1", "anonymousId": "device", "traits": person}
    assert _one(message, action="upsert_profile", fields={"external_id": "$.traits.id"}).identities == identities


def test_the_message_is_left_as_it_was() -> None:
    message = _IDENTIFY | {"properties": {"a": 1}, "context": {"traits": {"b": 2}}}
    before = repr(message)
    _by(message, action="upsert_profile", traits_as_properties=True, user_id_as_external_id=True)
    assert repr(message) == before


_SCALARS = st.one_of(
    st.sampled_from(["ann@example.com", "Oslo", "Åse", "", " ", "\0", "\ud800", "x" * 9_000]),
    st.none(),
    st.booleans(),
    st.integers(-1, 1),
    st.floats(allow_nan=False),
)
_NAMES = ["email", "phone", "firstName", "avatar", "city", "postalCode", "postal_code", "name", "$city", "länge"]
_NAMES += ["traits", "address", "company", "properties", "context", "Klaviyo", "listId", "userId", "integrations"]
_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4)),
    max_leaves=10,
)


_ENTRY = {"action": "upsert_profile", "traits_as_properties": False, "fields": {"override_list_id": ""}}
_UPSERTS = [action for preset in ("segment", "rudderstack") for action in read([_ENTRY], preset)]


@given(st.dictionaries(st.sampled_from(_NAMES), _ANYTHING))
def test_a_person_of_any_message_is_what_is_found_place_by_place(message: dict[str, Any]) -> None:
    for action in _UPSERTS:
        (routed,) = route(message | {"type": "identify"}, [replace(action, view=unchanged)])
        found = followed(action.fields, message, nulls=True)
        assert routed.fields == {name: value for name, value in found.items() if value is not None and value != {}}
