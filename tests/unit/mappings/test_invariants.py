"""What holds of every profile, whatever person a CDP sends."""

from __future__ import annotations

import re
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.errors import Rejected
from mappings.fields import PROPERTY_TARGETS, RESERVED, STANDARD
from mappings.identifiers import ALTERNATE, PHONES
from mappings.person import Attribute, Identity, Person
from mappings.profile import Profile, to_profile
from mappings.rules import Rules
from mappings.sources import read

_TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.sampled_from(["12", "007", "true", "2024-05-01", "US", "47.6", "Europe/Berlin", "\ud800", "a\x00b", " "]),
)
_SCALARS = st.one_of(
    _TEXTS, st.none(), st.booleans(), st.integers(), st.floats(), st.integers(min_value=2**62, max_value=2**70)
)
_ODDITIES = st.one_of(st.binary(), st.datetimes(), st.sets(st.integers(), max_size=2), st.complex_numbers())
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(_SCALARS, _ODDITIES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(_TEXTS, st.integers()), inner, max_size=3),
    ),
    max_leaves=6,
)
_NAMES = st.one_of(
    _TEXTS,
    st.sampled_from(sorted(RESERVED)).map(str.title),
    st.sampled_from(sorted([*RESERVED, *STANDARD, *(f"${name}" for name in STANDARD)])),
    st.sampled_from(["plan", "$plan", "$$plan", "$", "", "$\x00$", "company", "$Company", "source"]),
)
_ATTRIBUTES = st.builds(Attribute, key=_NAMES, value=_VALUES, deleted=st.booleans())
_IDENTITIES = st.builds(
    Identity,
    type=st.one_of(st.sampled_from(["email", "phone", "external_id", "mpid", *ALTERNATE, *PHONES]), _TEXTS),
    value=st.one_of(
        st.sampled_from(["jane@example.com", "+12125560100", "2125560100", "0151 12345678", "x" * 256, "@", " "]),
        st.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.com", fullmatch=True),
        _TEXTS,
    ),
    encoding=st.sampled_from(["raw", "raw", "raw", "md5", "sha1", "sha256", "unheard of"]),
)
_PEOPLE = st.builds(
    Person,
    identities=st.lists(_IDENTITIES, max_size=5).map(tuple),
    attributes=st.lists(_ATTRIBUTES, max_size=6).map(tuple),
    klaviyo_names=st.booleans(),
)
_EMAIL = Identity("email", "jane@example.com")
_RULES = st.builds(
    Rules,
    alternate_identifier=st.sampled_from([None, *ALTERNATE]),
    phone_identifier=st.sampled_from(PHONES),
    default_country=st.sampled_from([None, "US", "DE", "IT", "XK", "AQ"]),
    properties=st.dictionaries(st.sampled_from(["plan", "company", "city"]), st.sampled_from(PROPERTY_TARGETS)),
    coerce=st.booleans(),
)
_many = settings(max_examples=80)


def _mapped(person: Person, rules: Rules) -> Profile | None:
    try:
        return to_profile(person, rules)
    except Rejected:
        return None


def _with_email(person: Person) -> Person:
    return Person((_EMAIL, *person.identities), person.attributes, person.klaviyo_names)


@_many
@given(_PEOPLE, _RULES)
def test_mapping_raises_nothing_but_rejected_and_every_profile_has_an_identifier(person: Person, rules: Rules) -> None:
    profile = _mapped(person, rules)
    if profile is not None:
        assert profile.attributes.keys() & {"email", "phone_number", "external_id"}


@_many
@given(_PEOPLE, _RULES)
def test_a_person_with_a_valid_email_is_never_rejected(person: Person, rules: Rules) -> None:
    assert to_profile(_with_email(person), rules).attributes["email"] == "jane@example.com"


@_many
@given(_PEOPLE, _RULES)
def test_every_profile_survives_its_way_through_json(person: Person, rules: Rules) -> None:
    profile = to_profile(_with_email(person), rules)
    text = orjson.dumps(profile.attributes)
    assert b"\\u0000" not in text
    assert orjson.loads(text) == profile.attributes
    orjson.dumps([profile.unset, profile.clear, profile.warnings])


@_many
@given(_PEOPLE, _RULES)
def test_standard_fields_are_text_or_coordinates_and_no_container_is_empty(person: Person, rules: Rules) -> None:
    profile = to_profile(_with_email(person), rules)
    location = profile.attributes.get("location", {"city": "x"})
    properties = profile.attributes.get("properties", {"a": 1})
    assert location
    assert properties
    assert None not in properties.values()
    assert profile.attributes.keys() | location.keys() <= STANDARD | {
        *("email", "phone_number", "external_id", "location", "properties")
    }
    coordinates = {"latitude", "longitude"}
    texts = [v for k, v in (profile.attributes | location).items() if k not in coordinates | {"location", "properties"}]
    assert all(isinstance(value, str) and value for value in texts)
    assert all(-180 <= value <= 180 for name, value in location.items() if name in coordinates)


@_many
@given(_PEOPLE, _RULES)
def test_no_property_begins_with_a_dollar_that_the_cdp_did_not_double(person: Person, rules: Rules) -> None:
    profile = to_profile(_with_email(person), rules)
    names = {*profile.attributes.get("properties", {}), *profile.unset}
    given_names = {re.sub("[\x00\ud800-\udfff]", "", attribute.key) for attribute in person.attributes}
    assert all(f"${name}" in given_names for name in names if name.startswith("$"))


@_many
@given(_PEOPLE, _RULES)
def test_nothing_is_both_written_and_removed(person: Person, rules: Rules) -> None:
    profile = to_profile(_with_email(person), rules)
    assert profile.attributes.get("properties", {}).keys().isdisjoint(profile.unset)
    written = {*profile.attributes, *(f"location.{name}" for name in profile.attributes.get("location", {}))}
    assert written.isdisjoint(profile.clear)
    for removed in (profile.unset, profile.clear, profile.warnings):
        assert len(set(removed)) == len(removed)


@_many
@given(_PEOPLE, _RULES)
def test_mapping_twice_gives_the_same(person: Person, rules: Rules) -> None:
    first, second = _mapped(person, rules), _mapped(person, rules)
    assert first == second


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=8,
)
_MPARTICLE = st.fixed_dictionaries(
    {},
    optional={
        "mpid": _JSON,
        "user_identities": st.one_of(
            _JSON,
            st.lists(st.fixed_dictionaries({}, optional={"type": st.text(), "encoding": _JSON, "value": _JSON})),
        ),
        "user_attributes": st.one_of(
            _JSON,
            st.lists(
                st.fixed_dictionaries(
                    {"key": _JSON},
                    optional={"action": st.sampled_from(["upsert", "delete", 1]), "value": _JSON, "list_value": _JSON},
                )
            ),
        ),
    },
)
_CHANGES = st.fixed_dictionaries(
    {}, optional={"email": _JSON, "phone": _JSON, "external_id": _JSON, "attributes": _JSON}
)


@_many
@given(_MPARTICLE)
def test_mparticles_reader_takes_any_object_at_all(person: dict[str, Any]) -> None:
    read("mparticle", orjson.dumps(person))


@_many
@given(
    st.sampled_from(["mparticle", "changes"]),
    st.one_of(st.binary(), _CHANGES.map(orjson.dumps), _JSON.map(orjson.dumps)),
)
def test_readers_raise_nothing_but_rejected(source: str, fragment: bytes) -> None:
    try:
        person = read(source, fragment)
    except Rejected:
        return
    _mapped(person, Rules())
