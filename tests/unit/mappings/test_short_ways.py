"""The mapping takes a short way for usual people. Each test compares it with the long way.

Something that has no effect of its own sends a person the long way.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from mappings import attributes
from mappings.fields import LOCATION, READS, RESERVED, SCHEMA, STANDARD, load
from mappings.person import Attribute, Identity, Person
from mappings.phone import Phones
from mappings.profile import to_profile
from mappings.rules import Rules
from mappings.sources import read

_TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(["raw", "md5", "RAW", "none", "email", "Customer_ID", "other"]))
_INTEGERS = st.integers(-(2**63), 2**64 - 1)  # those of JSON
_VALUES = st.one_of(_TEXTS, st.none(), st.booleans(), _INTEGERS, st.floats(allow_nan=False), st.lists(_TEXTS))
_USUAL_IDENTITY = st.fixed_dictionaries(
    {"type": st.sampled_from(["email", "customer", "other2", "mobile_number"]), "value": st.text(min_size=1)},
    optional={"encoding": st.sampled_from(["raw", "md5"])},
)
_USUAL_ATTRIBUTE = st.fixed_dictionaries(
    {"key": st.text(min_size=1), "value": st.one_of(_TEXTS, st.integers(-5, 5)), "action": st.just("upsert")},
    optional={"list_value": st.just([]), "more": _VALUES},
)
_ANY_IDENTITY = st.fixed_dictionaries({}, optional={"type": _VALUES, "value": _VALUES, "encoding": _VALUES})
_ANY_ATTRIBUTE = st.fixed_dictionaries(
    {"key": _VALUES},
    optional={"action": st.sampled_from(["upsert", "delete", "UPSERT", 1]), "value": _VALUES, "list_value": _VALUES},
)
_PEOPLE = st.fixed_dictionaries(
    {
        "user_identities": st.lists(st.one_of(_USUAL_IDENTITY, _ANY_IDENTITY), max_size=3),
        "user_attributes": st.lists(st.one_of(_USUAL_ATTRIBUTE, _ANY_ATTRIBUTE), max_size=4),
    },
    optional={"mpid": st.one_of(st.text(), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.none())},
)


@given(_PEOPLE)
def test_a_person_of_mparticle_is_read_the_same_beside_an_entry_that_is_skipped(person: dict[str, Any]) -> None:
    beside = person | {"user_identities": [*person["user_identities"], {"type": 5}]}
    assert read("mparticle", orjson.dumps(person)) == read("mparticle", orjson.dumps(beside))


def test_the_usual_person_of_mparticle_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mappings.person.decode", None)
    person = {
        "mpid": "15",
        "user_identities": [{"type": "email", "value": "jane@example.com", "encoding": "raw"}],
        "user_attributes": [{"key": "plan", "value": "gold", "action": "upsert"}],
        "consent_state": {},
    }
    assert read("mparticle", orjson.dumps(person)) == Person(
        (Identity("email", "jane@example.com"), Identity("mpid", "15")), (Attribute("plan", "gold"),)
    )


_NAMES = st.one_of(
    st.text(max_size=3), st.sampled_from(sorted([*RESERVED, *STANDARD, *(f"${name}" for name in STANDARD), "$Zip"]))
)


@given(
    st.lists(st.builds(Attribute, key=_NAMES, value=_VALUES, deleted=st.booleans(), custom=st.booleans()), max_size=5),
    st.booleans(),
)
def test_attributes_are_mapped_the_same_beside_the_removal_of_another(given: list[Attribute], names: bool) -> None:
    email = Identity("email", "jane@example.com")
    rules = Rules(properties={"a": "title"})
    alone = to_profile(Person((email,), tuple(given), names), rules)
    beside = to_profile(Person((email,), (*given, Attribute("another", deleted=True)), names), rules)
    assert beside == msgspec.structs.replace(alone, unset=(*alone.unset, "another"))


_FIELD_NAMES = ["first_name", "last_name", "organization", "title", "image"]
_PLACES = [*sorted(LOCATION), "planet", "$city", "email", "title"]
_DIRTY = st.one_of(
    st.sampled_from(
        ["Oslo", "Åse", "San Francisco", "", " ", "\0", "a\0b", "\ud800", "x" * 100_001, "é" * 60_000, "NO"]
    ),
    _VALUES,
    st.dictionaries(st.text(max_size=2), _VALUES, max_size=2),
)
_TABLE = st.dictionaries(st.one_of(_NAMES, st.sampled_from(_FIELD_NAMES)), _DIRTY, max_size=3)
_STORED = st.fixed_dictionaries(
    {"email": st.sampled_from(["jane@example.com", "Jane@Example.com "])},
    optional={
        "phone_number": st.sampled_from(["+12125560100", "22 12 34 56", "12", 1, None]),
        "country_code": st.sampled_from(["NO", "nowhere", ""]),
        "external_id": st.one_of(st.text(max_size=3), st.just("x" * 300), _VALUES),
        "user_id": st.text(max_size=3),
        **dict.fromkeys(_FIELD_NAMES, _DIRTY),
        "location": st.dictionaries(st.sampled_from(_PLACES), _DIRTY, max_size=4),
        "properties": _TABLE,
        "append": _TABLE,
        "unset": st.lists(st.sampled_from(["title", "city", "a"]), max_size=1),
    },
)


@example({"email": "jane@example.com", "title": "NO", "properties": {"$country": None}}, Rules())
@given(_STORED, st.sampled_from([Rules(), Rules(default_country="US", coerce=True, properties={"a": "title"})]))
def test_fields_of_a_stored_person_are_mapped_as_attributes_of_their_names_are(
    stored: dict[str, Any], rules: Rules
) -> None:
    person = read("segment", json.dumps(stored).encode())
    spelled_out = Person(person.identities, person.writes(), klaviyo_names=True)
    profile, expected = to_profile(person, rules), to_profile(spelled_out, rules)
    assert msgspec.structs.replace(profile, warnings=()) == msgspec.structs.replace(expected, warnings=())
    assert sorted(profile.warnings) == sorted(expected.warnings)
    assert attributes.country(person, rules) == attributes.country(spelled_out, rules)


def test_the_usual_person_of_segment_is_mapped_without_looking_up_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mappings.fields.place", None)
    stored = {"email": "jane@example.com", "first_name": "Åse", "title": "Dr", "location": {"city": "Oslo"}}
    assert to_profile(read("segment", orjson.dumps(stored)), Rules()).attributes == stored


def test_a_profile_is_changed_without_changing_the_person_it_was_made_of() -> None:
    person = read("segment", b'{"email": "jane@example.com", "title": "Dr", "location": {"city": "Oslo"}}')
    profile = to_profile(person, Rules())
    profile.attributes["location"]["city"] = profile.attributes["title"] = "other"
    assert (person.fields, person.location) == ({"title": "Dr"}, {"city": "Oslo"})


_FIELDS: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(
    READS, st.one_of(_TEXTS, st.booleans(), st.integers(), st.sampled_from(["47.6", "en_US", "Europe/Berlin", "::1"]))
)
_FIELDS |= {
    "email": st.lists(st.sampled_from(["jane@example.com", "nobody"]), min_size=1),
    "external_id": st.lists(st.text(), min_size=1),
    "phone_number": st.builds(
        Phones, st.tuples(st.sampled_from(["+12125560100", "12"])), st.sampled_from(["US", None])
    ),
}


@given(st.fixed_dictionaries({}, optional=_FIELDS))
def test_values_are_loaded_as_the_declared_schema_loads_them(values: dict[str, Any]) -> None:
    try:
        expected: tuple[dict[str, Any], dict[str, Any]] = SCHEMA.load(values), {}
    except ValidationError as error:
        valid: Any = error.valid_data
        expected = dict(valid or {}), {name: codes[0] for name, codes in error.messages_dict.items()}
    assert load(values) == expected
