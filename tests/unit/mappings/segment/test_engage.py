from __future__ import annotations

from typing import Any

import pytest

from mappings.segment.changes import route
from mappings.segment.routed import Routed
from mappings.segment.settings import read

_ENTERED = {"type": "track", "event": "Audience Entered"}
_ACTIONS = read([{"action": "add_profile_to_list"}, {"action": "remove_profile_from_list"}])


def _message(base: dict[str, Any], /, **personas: Any) -> dict[str, Any]:
    return base | {"context": {"traits": {"email": "ann@example.com"}, "personas": personas}}


def _one(message: dict[str, Any]) -> Routed:
    (routed,) = route(message, _ACTIONS)
    return routed


@pytest.mark.parametrize(
    ("personas", "list_id"),
    [
        ({"audience_settings": {"listId": "L1"}, "external_audience_id": "L2"}, "L1"),
        ({"audience_settings": {"listId": ""}, "external_audience_id": "L2"}, "L2"),
        ({"audience_settings": {}, "external_audience_id": 2, "computation_key": "vip"}, "2"),
        ({"audience_settings": "x", "external_audience_id": "L2"}, "L2"),
    ],
)
def test_the_list_is_the_one_set_for_the_audience_else_the_one_made_for_it(
    personas: dict[str, Any], list_id: str
) -> None:
    routed = _one(_message(_ENTERED, **personas))
    assert (routed.list_id, routed.audience_id, routed.audience_name) == (list_id, f"list:{list_id}", None)


def test_without_a_list_the_audience_is_found_by_its_name() -> None:
    routed = _one(_message(_ENTERED, computation_key="vip", computation_id="aud_1"))
    assert (routed.list_id, routed.audience_id, routed.audience_name) == (None, "aud_1", "vip")
    assert _one(_message(_ENTERED, computation_key="vip")).audience_id == "vip"


def test_the_list_of_the_settings_wins_over_the_audiences() -> None:
    actions = read([{"action": "add_profile_to_list", "list_id": "mine"}])
    (routed,) = route(_message(_ENTERED, external_audience_id="theirs", computation_key="vip"), actions)
    assert (routed.list_id, routed.audience_name) == ("mine", None)


@pytest.mark.parametrize("personas", [{}, {"computation_key": ""}, {"computation_key": {}}])
def test_an_audience_without_list_and_name_is_dead_on_arrival(personas: dict[str, Any]) -> None:
    routed = _one(_message(_ENTERED, **personas))
    assert (routed.reason, routed.audience_id) == ("list_unknown", None)
    assert "set one of them" in (routed.detail or "")


@pytest.mark.parametrize(("member", "change"), [(True, "add"), (False, "remove")])
def test_an_identify_with_the_audiences_trait_is_an_entry_or_an_exit(member: bool, change: str) -> None:
    traits = {"vip": member, "email": "ann@example.com"}
    message = {
        "type": "identify",
        "traits": traits,
        "context": {"personas": {"computation_class": "audience", "computation_key": "vip"}},
    }
    routed = _one(message)
    assert (routed.change, routed.audience_name) == (change, "vip")
    assert routed.fields == {"email": "ann@example.com"}


@pytest.mark.parametrize(
    ("computation_class", "key", "traits"),
    [
        ("computed_trait", "vip", {"vip": True}),
        (None, "vip", {"vip": True}),
        ("audience", "vip", {"vip": "true"}),
        ("audience", "vip", {"vip": 1}),
        ("audience", "vip", {}),
        ("audience", "vip", None),
        ("audience", ["vip"], {"vip": True}),
    ],
)
def test_an_identify_without_a_membership_is_none(computation_class: Any, key: Any, traits: Any) -> None:
    personas = {"computation_class": computation_class, "computation_key": key}
    assert list(route({"type": "identify", "traits": traits, "context": {"personas": personas}}, _ACTIONS)) == []


def test_a_trigger_narrows_entries_in_either_form() -> None:
    trigger = 'event = "Audience Entered" and context.personas.computation_key = "vip"'
    actions = read([{"action": "add_profile_to_list", "trigger": trigger}])
    for key, expected in (("vip", 1), ("other", 0)):
        identify = {"type": "identify", "traits": {key: True}}
        personas = {"computation_class": "audience", "computation_key": key}
        assert len(list(route(_message(identify, **personas), actions))) == expected
        assert len(list(route(_message(_ENTERED, **personas), actions))) == expected


def test_whoever_enters_brings_attributes_and_whoever_leaves_only_identifiers() -> None:
    attributes = {"firstName": "Ann", "address": {"city": "Oslo"}, "properties": {"plan": "gold"}}
    entered = _one(_message(_ENTERED | {"properties": attributes}, computation_key="vip"))
    assert entered.fields == {
        "email": "ann@example.com",
        "first_name": "Ann",
        "location": {"city": "Oslo"},
        "properties": {"plan": "gold"},
    }
    exited = _one(
        _message({"type": "track", "event": "Audience Exited", "properties": attributes}, computation_key="vip")
    )
    assert exited.fields == {"email": "ann@example.com"}
