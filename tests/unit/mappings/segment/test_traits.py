"""What becomes of the traits that no field takes, and of the nulls where a field looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mappings.segment.changes import route
from mappings.segment.settings import read

_SAME_CITY = {"traits": {"city": "Oslo"}, "context": {"traits": {"city": "Oslo"}}}


def _fields(message: dict[str, Any], preset: str = "segment", **entry: Any) -> dict[str, Any]:
    actions = read([{"action": "upsert_profile", "traits_as_properties": True, **entry}], preset)
    (routed,) = route({"type": "identify", "userId": "u-1", **message}, actions)
    return {name: value for name, value in routed.fields.items() if name != "external_id"}


def _mapped(message: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return _fields(message, fields=fields)


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ({"context": {"traits": {"firstName": "Ann"}}}, {"properties": {"firstName": "Ann"}}),
        ({"context": {"traits": {"firstName": "Ann"}}, "traits": {"firstName": "Anna"}}, {"first_name": "Anna"}),
        (
            {"context": {"traits": {"title": "Dr"}}, "traits": {"firstName": "Ann"}},
            {"first_name": "Ann", "properties": {"title": "Dr"}},
        ),
        ({"context": {"traits": {"address": {"city": "Oslo"}}}}, {"properties": {"address": {"city": "Oslo"}}}),
        (
            {"traits": {"address": {"city": "Oslo", "floor": 3}}},
            {
                "location": {"city": "Oslo"},
                "properties": {"address": {"floor": 3}},
            },
        ),
        ({"traits": {"address": {"city": "Oslo"}}}, {"location": {"city": "Oslo"}}),
        ({"traits": {"address": "1 Road"}}, {"properties": {"address": "1 Road"}}),
        (
            {"traits": {"company": {"name": "ACME", "size": 9}}},
            {
                "organization": "ACME",
                "properties": {"company": {"size": 9}},
            },
        ),
        ({"traits": {"company": "ACME"}}, {"properties": {"company": "ACME"}}),
        ({"traits": {"email": "a@b.cc"}, "context": {"traits": {"email": "a@b.cc"}}}, {"email": "a@b.cc"}),
        ({"traits": {"email": " "}, "context": {"traits": {"email": "a@b.cc"}}}, {"email": "a@b.cc"}),
        ({"traits": {"plan": "gold"}, "context": {"traits": {"plan": "old"}}}, {"properties": {"plan": "gold"}}),
        ({"traits": {"plan": None}, "context": {"traits": {"plan": "old"}}}, {"properties": {"plan": None}}),
        ({"traits": {"firstName": " ", "lastName": None, "note": ""}}, {"properties": {"note": ""}}),
        ({"traits": {"title": ["Dr"]}}, {"properties": {"title": ["Dr"]}}),
        ({"traits": {"address": {"city": {"name": "Oslo"}}}}, {"properties": {"address": {"city": {"name": "Oslo"}}}}),
        ({"traits": {"plan": "gold"}, "properties": {"plan": "silver"}}, {"properties": {"plan": "silver"}}),
    ],
)
def test_a_trait_is_dropped_only_where_a_field_takes_its_value(message: dict[str, Any], fields: dict[str, Any]) -> None:
    assert _fields(message) == fields


@pytest.mark.parametrize(
    ("message", "city", "properties"),
    [
        ({"traits": {"city": "Oslo"}, "context": {"traits": {"city": "Bergen"}}}, "Bergen", {"city": "Oslo"}),
        (_SAME_CITY, "Oslo", {"city": "Oslo"}),
        ({"context": {"traits": {"city": "Bergen"}}}, "Bergen", None),
        ({"traits": {"city": "Oslo"}}, None, {"city": "Oslo"}),
        ({"traits": {"city": ""}, "context": {"traits": {"city": "Bergen"}}}, "Bergen", {"city": ""}),
    ],
)
def test_a_mapping_from_the_context_leaves_the_trait_of_that_name(
    message: dict[str, Any], city: str | None, properties: dict[str, Any] | None
) -> None:
    found = _mapped(message, location={"city": "$.context.traits.city"})
    assert (found.get("location", {}).get("city"), found.get("properties")) == (city, properties)


@pytest.mark.parametrize(
    ("mapping", "found", "left"),
    [
        ({"@if": {"exists": "$.traits.a", "then": "$.traits.a", "else": "$.traits.b"}}, "1", {"b": "2", "c": "1"}),
        ({"@if": {"exists": "$.traits.a", "then": "$.traits.a", "else": "$.traits.c"}}, "1", {"b": "2"}),
        ({"@if": {"exists": "$.traits.b", "then": "$.traits.a"}}, "1", {"b": "2", "c": "1"}),
        ({"@if": {"exists": "$.traits.x", "then": "$.traits.a", "else": "$.traits.b"}}, "2", {"a": "1", "c": "1"}),
        ("$.traits['a']", "1", {"b": "2", "c": "1"}),
        ("literal", "literal", {"a": "1", "b": "2", "c": "1"}),
    ],
)
def test_a_choice_takes_the_places_whose_value_it_has(mapping: Any, found: str, left: dict[str, str]) -> None:
    assert _mapped({"traits": {"a": "1", "b": "2", "c": "1"}}, title=mapping) == {"title": found, "properties": left}


def test_an_entry_of_a_list_is_taken_by_itself() -> None:
    message = {"traits": {"titles": ["Dr", "Ms"], "pets": [{"name": "Rex", "age": 3}]}}
    found = _mapped(message, title="$.traits.titles[0]", properties={"pet": "$.traits.pets[0].name"})
    assert found == {"title": "Dr", "properties": {"pet": "Rex", "titles": ["Ms"], "pets": [{"age": 3}]}}


@pytest.mark.parametrize(("value", "other"), [(1, True), (1, 1.0), ("1", 1), (0, False), ("", None)])
def test_equal_is_only_the_same_type(value: Any, other: Any) -> None:
    title = {"@if": {"exists": "$.traits.a", "then": "$.traits.a", "else": "$.traits.b"}}
    found = _mapped({"traits": {"a": value, "b": other}}, title=title)
    gone = other is None
    assert found.get("properties", {}) == ({} if gone else {"b": other})
    assert gone or type(found["properties"]["b"]) is type(other)


@pytest.mark.parametrize("preset", ["segment", "rudderstack"])
@pytest.mark.parametrize(
    ("traits", "context", "location"),
    [
        ({"address": {"city": None}}, {}, {"city": None}),
        ({"address": {"city": None, "country": "NO"}}, {}, {"city": None, "country": "NO"}),
        ({"address": {"city": None, "street": None}}, {}, {"city": None, "address1": None}),
        ({"address": {"city": ""}}, {}, {}),
        ({"address": {}}, {}, {}),
        ({"address": None}, {}, {}),
        ({}, {}, {}),
    ],
)
def test_a_null_member_of_the_address_clears_its_field(
    preset: str, traits: dict[str, Any], context: dict[str, Any], location: dict[str, Any]
) -> None:
    found = _fields({"traits": traits, "context": {"traits": context}}, preset)
    assert found.get("location", {}) == location


@pytest.mark.parametrize(
    ("traits", "context", "location"),
    [
        ({"city": None}, {}, {"city": None}),
        ({}, {"city": None}, {"city": None}),
        ({}, {"address": {"zip": None}}, {"zip": None}),
        ({"city": None, "address": {"city": "Oslo"}}, {}, {"city": "Oslo"}),
        ({"city": None}, {"city": "Oslo"}, {"city": "Oslo"}),
        ({"city": ""}, {"city": None}, {"city": None}),
        ({"state": None}, {"region": "Viken"}, {"region": "Viken"}),
        ({"timezone": None}, {}, {"timezone": None}),
    ],
)
def test_a_null_counts_in_every_place_of_a_preset_unless_another_has_a_value(
    traits: dict[str, Any], context: dict[str, Any], location: dict[str, Any]
) -> None:
    found = _fields({"traits": traits, "context": {"traits": context}}, "rudderstack")
    assert found == {"location": location}


_PLACE = {"city": None, "zip": "1"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"location": {"city": "$.traits.town"}}, {"location": {"city": None}, "properties": {"place": _PLACE}}),
        ({"location": "$.traits.place"}, {"location": _PLACE, "properties": {"town": None}}),
        ({"properties": {"town": "$.traits.town"}}, {"properties": {"town": None, "place": _PLACE}}),
        ({"title": "$.traits.town"}, {"properties": {"place": _PLACE}}),
    ],
)
def test_a_null_in_a_mapped_table_stays(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert _mapped({"traits": {"town": None, "place": _PLACE}}, **fields) == expected


def test_the_entry_of_a_person_into_an_audience_clears_fields_too() -> None:
    entered = {"type": "track", "event": "Audience Entered", "userId": "u-1"}
    actions = read([{"action": "add_profile_to_list", "list_id": "L1"}])
    (routed,) = route(entered | {"properties": {"address": {"city": None}}}, actions)
    assert routed.fields["location"] == {"city": None}


@pytest.mark.parametrize("switch", [True, False])
def test_nested_properties_get_dotted_names_only_when_asked(switch: bool) -> None:
    message = {"traits": {"pet": {"name": "Rex", "toys": [{"a": 1}], "chip": {"id": 7}}, "address": {"floor": 3}}}
    flat = {"pet.name": "Rex", "pet.toys": [{"a": 1}], "pet.chip.id": 7, "address.floor": 3}
    found = _fields(message, flatten_properties=switch)
    assert found["properties"] == (flat if switch else message["traits"])


_TEXT = st.sampled_from(["x", "y", " ", "Oslo", "a@b.cc"])
_SCALAR = st.one_of(st.none(), st.booleans(), st.sampled_from([0, 1, 2.5]), _TEXT)
_INNER = st.dictionaries(st.sampled_from(["city", "street", "state", "name", "floor"]), _SCALAR, max_size=4)
_NAMES = st.sampled_from(
    ["email", "phone", "firstName", "firstname", "city", "zip", "title", "company", "avatar", "address", "plan", "id"]
)
_TRAITS = st.dictionaries(_NAMES, st.one_of(_SCALAR, _INNER, st.lists(_SCALAR, max_size=2)), max_size=6)


def _leaves(value: Any, steps: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The places of all texts, numbers and booleans in a value; an empty container counts as one."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [leaf for key, part in parts for leaf in _leaves(part, (*steps, key))]
    yield from below or [(steps, value)]


def _says_nothing(value: Any) -> bool:
    return value is None or value in ({}, []) or (isinstance(value, str) and not value.strip())


@given(_TRAITS, _TRAITS, st.sampled_from(["segment", "rudderstack"]), st.booleans())
@example({"city": "Oslo"}, {"city": "x"}, "segment", True)
@example({"company": {"floor": 1}}, {"company": "x"}, "rudderstack", False)
def test_no_trait_is_ever_lost(own: dict[str, Any], inherited: dict[str, Any], preset: str, custom: bool) -> None:
    fields = {"location": {"city": "$.context.traits.city"}} if custom else {}
    found = _fields({"traits": own, "context": {"traits": inherited}}, preset, fields=fields)
    properties = found.pop("properties", {})
    taken = [(type(value), value) for _, value in _leaves(found)]
    kept = dict(_leaves(properties))
    for name, value in (inherited | own).items():
        for steps, leaf in _leaves(value, (name,)):
            if _says_nothing(leaf):
                continue
            assert (type(leaf), leaf) in taken or leaf in kept.values(), (steps, leaf)
            assert (type(leaf), leaf) in taken or any(steps[0] == place[0] for place in kept)


@given(_TRAITS, _TRAITS, st.sampled_from(["segment", "rudderstack"]))
def test_no_property_repeats_what_a_field_has_taken_from_its_place(
    own: dict[str, Any], inherited: dict[str, Any], preset: str
) -> None:
    found = _fields({"traits": own, "context": {"traits": inherited}}, preset)
    for field, name in (("email", "email"), ("title", "title"), ("first_name", "firstName")):
        value = (inherited | own).get(name)
        if field in found and value == found[field] and type(value) is type(found[field]):
            read_here = preset == "rudderstack" or name in own or field == "email"
            assert not read_here or name not in found.get("properties", {})
