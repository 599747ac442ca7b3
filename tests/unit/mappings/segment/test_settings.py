from __future__ import annotations

import re
import tomllib
from typing import Any, get_args

import pytest

from mappings.segment.actions import Name
from mappings.segment.paths import First, Path
from mappings.segment.presets import PRESETS
from mappings.segment.settings import DEFAULTS, read
from mappings.segment.templates import TEMPLATES
from tests.support.paths import ROOT

_DOCS = (ROOT / "docs" / "segment.md").read_text()
_LONG_PATH = {"email": "$.traits..email"}


def test_without_settings_every_action_acts_but_the_one_that_needs_a_list() -> None:
    assert {action.name for action in DEFAULTS} == set(get_args(Name)) - {"remove_profile"}
    assert set(TEMPLATES) == set(get_args(Name))


def test_an_action_is_its_template_where_nothing_else_is_said() -> None:
    (action,) = read([{"action": "subscribe_profile"}])
    assert action.kind == "consent"
    assert action.trigger.text == 'type = "track" and event = "User Subscribed"'
    assert action.fields["custom_source"] == "-59"
    assert action.fields["email"] == First((Path(("traits", "email")), Path(("context", "traits", "email"))))
    assert (action.list_id, action.traits_as_properties) == (None, False)
    assert "country_code" not in action.fields


def test_tables_are_laid_over_the_templates_and_other_values_replace_it() -> None:
    fields = {
        "location": {"city": "$.city", "country": ""},
        "properties": {"plan": "$.plan"},
        "email": "",
        "title": "x",
    }
    (action,) = read([{"action": "upsert_profile", "fields": fields}])
    location = action.fields["location"]
    assert isinstance(location, dict)
    assert location["city"] == Path(("city",))
    assert location["region"] == Path(("traits", "address", "state"))
    assert "country" not in location
    assert action.fields["properties"] == {"plan": Path(("plan",))}
    assert action.fields["title"] == "x"
    assert "email" not in action.fields


def test_the_profile_of_an_event_takes_other_names_or_comes_whole_from_one_path() -> None:
    extra, whole = read(
        [
            {"action": "track_event", "fields": {"profile": {"plan": "$.plan"}}},
            {"action": "track_event", "fields": {"profile": "$.who"}},
        ]
    )
    assert isinstance(extra.fields["profile"], dict)
    assert extra.fields["profile"].keys() == {"email", "phone_number", "external_id", "anonymous_id", "plan"}
    assert whole.fields["profile"] == Path(("who",))


def test_the_fields_that_read_each_trait_are_known() -> None:
    (action,) = read([{"action": "upsert_profile", "fields": {"properties": {"size": "$.context.traits.shoe.size"}}}])
    own, context = action.reading.at(("traits",)), action.reading.at(("context", "traits"))
    assert own.below.keys() == {"email", "phone", "firstName", "lastName", "company", "title", "avatar", "address"}
    assert context.below.keys() == {"email", "phone", "shoe"}
    assert context.at(("shoe", "size")).fields == [Path(("properties", "size"))]


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({}, Path(("userId",))),
        ({"user_id_as_external_id": True}, Path(("userId",))),
        ({"user_id_as_external_id": False}, None),
        ({"fields": {"external_id": ""}}, None),
        ({"user_id_as_external_id": False, "fields": {"external_id": "$.traits.id"}}, Path(("traits", "id"))),
    ],
)
@pytest.mark.parametrize(
    "name", ["upsert_profile", "add_profile_to_list", "remove_profile_from_list", "remove_profile"]
)
def test_the_user_id_is_the_external_id_unless_it_is_said_otherwise(
    entry: dict[str, Any], place: Path | None, name: str
) -> None:
    (action,) = read([{"action": name, "list_id": "L1", **entry}])
    assert action.fields.get("external_id") == place


def test_a_switch_that_an_action_does_not_have_may_be_off() -> None:
    (action,) = read([{"action": "track_event", "user_id_as_external_id": False}])
    assert isinstance(action.fields["profile"], dict)
    assert action.fields["profile"]["external_id"] == Path(("userId",))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "action 1: action: Missing data for required field."),
        ({"action": "upsert"}, "action 1: action: Must be one of: upsert_profile, add_profile_to_list"),
        ("upsert_profile", "action 1: Invalid input type."),
        ({"action": "track_event", "triger": "x"}, "action 1: triger: unknown; known are action, trigger, list_id"),
        ({"action": "track_event", "trigger": 3}, "action 1: trigger: Not a valid string."),
        ({"action": "track_event", "fields": "x"}, "action 1: fields: Not a valid mapping type."),
        (
            {"action": "track_event", "trigger": "event < 3"},
            "action 1 (track_event), trigger: not understood from character 7 on",
        ),
        (
            {"action": "track_event", "fields": {"emial": "x"}},
            "action 1 (track_event), fields.emial: unknown; known are metric_name, profile",
        ),
        (
            {"action": "upsert_profile", "fields": {"list_id": "x"}},
            "action 1 (upsert_profile), fields.list_id: unknown; write list_id beside fields",
        ),
        (
            {"action": "upsert_profile", "fields": {"location": {"town": "x"}}},
            "action 1 (upsert_profile), fields.location.town: unknown; known are address1",
        ),
        (
            {"action": "upsert_profile", "fields": _LONG_PATH},
            "action 1 (upsert_profile), fields.email: '$.traits..email': not a path from character 9 on",
        ),
        (
            {"action": "upsert_profile", "fields": {"email": {"a": "b"}}},
            "action 1 (upsert_profile), fields.email: it takes one value, not a table",
        ),
        (
            {"action": "upsert_profile", "fields": {"email": ["a"]}},
            "action 1 (upsert_profile), fields.email: it takes one value, not a list",
        ),
        ({"action": "remove_profile"}, "action 1 (remove_profile), list_id: missing; name the list"),
        ({"action": "track_event", "list_id": "x"}, "action 1 (track_event), list_id: this action has no list"),
        ({"action": "upsert_profile", "list_id": ["x"]}, "action 1 (upsert_profile), list_id: it takes one value"),
        ({"action": "upsert_profile", "list_id": "$x"}, "action 1 (upsert_profile), list_id: '$x': not a path from"),
        (
            {"action": "track_event", "user_id_as_external_id": True},
            "action 1 (track_event), user_id_as_external_id: this action has no such switch",
        ),
        (
            {"action": "remove_profile_from_list", "traits_as_properties": True},
            "action 1 (remove_profile_from_list), traits_as_properties: this action has no such switch",
        ),
        (
            {"action": "upsert_profile", "user_id_as_external_id": True, "fields": {"external_id": "$.id"}},
            "action 1 (upsert_profile), user_id_as_external_id: fields.external_id is set too",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_remedy(entry: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        read([entry])


def test_the_place_of_a_mistake_counts_the_actions_before_it() -> None:
    with pytest.raises(ValueError, match=r"^action 3 \(upsert_profile\), fields\.email"):
        read([{"action": "track_event"}, {"action": "track_event"}, {"action": "upsert_profile", "fields": _LONG_PATH}])


def test_fifty_actions_are_possible_and_no_more() -> None:
    assert len(read([{"action": "track_event"}] * 50)) == 50
    with pytest.raises(ValueError, match=r"^51 actions; the limit is 50"):
        read([{"action": "track_event"}] * 51)


def test_the_examples_of_the_documentation_can_be_read() -> None:
    examples = re.findall(r"```toml\n(.*?)```", _DOCS, re.DOTALL)
    assert examples
    for example in examples:
        for connection in tomllib.loads(example)["connections"].values():
            assert len(read(connection["actions"])) == example.count("[[")


def test_the_documentation_tells_every_action_with_its_trigger_and_every_field() -> None:
    for preset in PRESETS.values():
        for name, template in preset.templates.items():
            assert f"`{template.trigger}`" in _DOCS
            assert all(f"`{field}`" in _DOCS for field in template.fields)
            if preset.templates[name] in (TEMPLATES[name], PRESETS["rudderstack"].templates[name]):
                assert f"| `{name}` | `{template.trigger}` |" in _DOCS
