"""Segment's Journeys and Linked Audiences; RudderStack has a module of its own."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.segment.changes import route
from mappings.segment.presets import PRESETS
from mappings.segment.routed import Routed
from mappings.segment.settings import DEFAULTS, of_preset

_STEP = {"computation_class": "journey_step", "computation_key": "welcome__step_1", "computation_id": "jou_1"}
_AUDIENCE = {"computation_class": "audience", "computation_key": "vip", "external_audience_id": "L1"}


def _lists(preset: str, message: dict[str, Any]) -> list[Routed]:
    return [routed for routed in route(message, of_preset(preset)) if routed.kind == "audience"]


def _track(event: str, personas: dict[str, Any], **properties: Any) -> dict[str, Any]:
    context = {"traits": {"email": "ann@example.com"}, "personas": personas}
    return {"type": "track", "event": event, "context": context, "properties": properties}


def test_the_default_preset_is_segments() -> None:
    assert of_preset("segment") == DEFAULTS
    assert next(iter(PRESETS)) == "segment"


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_knows_every_action_and_has_some_that_act(preset: str) -> None:
    assert PRESETS[preset].templates.keys() == PRESETS["segment"].templates.keys()
    assert [action.name for action in of_preset(preset)] == list(PRESETS[preset].active)
    assert "remove_profile" not in PRESETS[preset].active


@pytest.mark.parametrize(
    ("event", "properties", "changes"),
    [
        ("Audience Entered", {}, ["add"]),
        ("Journeys Step Entered", {}, ["add"]),
        ("Send the welcome mail", {"journey_context": {}}, ["add"]),
        ("Send the welcome mail", {"welcome__step_1": True}, ["add"]),
        ("Send the welcome mail", {"welcome__step_1": False}, ["remove"]),
        ("Audience Entered", {"welcome__step_1": False}, ["remove"]),
        ("Audience Exited", {}, ["remove"]),
        ("Audience Exited", {"welcome__step_1": True}, ["remove"]),
        ("Audience Exited", {"welcome__step_1": None}, ["remove"]),
        ("Send the welcome mail", {"welcome__step_1": "false"}, ["remove"]),
        ("Send the welcome mail", {"welcome__step_1": "true"}, ["add"]),
        ("Send the welcome mail", {"another_step": False}, ["add"]),
    ],
)
def test_every_event_of_a_step_is_an_entry_or_an_exit(
    event: str, properties: dict[str, Any], changes: list[str]
) -> None:
    found = _lists("segment_journeys", _track(event, _STEP, **properties))
    assert [routed.change for routed in found] == changes
    assert {(routed.audience_id, routed.audience_name) for routed in found} == {("jou_1", "welcome__step_1")}


def test_the_event_of_a_step_is_recorded_under_its_own_name() -> None:
    routed = list(route(_track("Send the welcome mail", _STEP), of_preset("segment_journeys")))
    assert [each.fields["metric"] for each in routed if each.kind == "event"] == ["Send the welcome mail"]


@pytest.mark.parametrize(
    "message",
    [
        _track("Clicked", {}),
        _track("Clicked", _AUDIENCE, vip=True),
        _track("Clicked", {"computation_class": "computed_trait"}),
        {"type": "identify", "context": {"personas": _STEP}, "traits": {"welcome__step_1": True}},
        {"type": "page", "context": {"personas": _STEP}},
    ],
)
def test_nothing_else_is_an_entry_of_a_journey(message: dict[str, Any]) -> None:
    assert _lists("segment_journeys", message) == []


@pytest.mark.parametrize("preset", ["segment", "segment_warehouse"])
def test_without_the_preset_a_step_of_any_name_is_an_event_only(preset: str) -> None:
    assert _lists(preset, _track("Send the welcome mail", _STEP)) == []


@pytest.mark.parametrize("preset", ["segment_journeys", "segment_warehouse"])
def test_audiences_work_as_in_segments_preset(preset: str) -> None:
    (entered,) = _lists(preset, _track("Audience Entered", _AUDIENCE))
    (exited,) = _lists(preset, _track("Audience Exited", _AUDIENCE))
    identify = {"type": "identify", "context": {"personas": _AUDIENCE}, "traits": {"vip": False, "email": "a@b.cc"}}
    (left,) = _lists(preset, identify)
    assert [each.change for each in (entered, exited, left)] == ["add", "remove", "remove"]
    assert {each.list_id for each in (entered, exited, left)} == {"L1"}


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        ("Entity Added", ["add"]),
        ("Audience Entered", ["add"]),
        ("Audience Exited", ["remove"]),
        ("Entity Removed", []),
        ("entity added", []),
    ],
)
def test_an_entity_that_is_added_is_an_entry_and_one_that_is_removed_is_nothing(event: str, changes: list[str]) -> None:
    assert [routed.change for routed in _lists("segment_warehouse", _track(event, _AUDIENCE))] == changes
    assert _lists("segment", _track("Entity Added", _AUDIENCE)) == []


@pytest.mark.parametrize("preset", ["segment_journeys", "segment_warehouse"])
@pytest.mark.parametrize("event", ["Audience Entered", "Audience Exited"])
def test_the_contact_is_found_among_the_added_traits_last(preset: str, event: str) -> None:
    properties = {"email": "new@example.com", "phone": "+14155552671"}
    message = _track(event, _AUDIENCE, **properties)
    (routed,) = _lists(preset, message)
    assert (routed.fields["email"], routed.fields["phone_number"]) == ("ann@example.com", "+14155552671")
    message["context"]["traits"] = {}
    (routed,) = _lists(preset, message)
    assert routed.fields["email"] == "new@example.com"
