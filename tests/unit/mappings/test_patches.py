"""Changes of lists that wait together: what is sent for all of them does what they would do one after the other."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emulator.merge import merge, patch
from mappings.errors import Reason
from mappings.person import Attribute, Identity, Person
from mappings.profile import Profile, to_profile
from mappings.rules import Rules

Change = tuple[Literal["set", "delete", "append", "unappend"], Any]
_ENTRIES = st.lists(st.sampled_from(["a", "b", "1", 1]), max_size=3)
_CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.tuples(st.just("set"), st.one_of(_ENTRIES, st.sampled_from(["a", 1]))),
    st.tuples(st.just("delete"), st.none()),
    st.tuples(st.sampled_from(["append", "unappend"]), _ENTRIES),
)


def _attribute(kind: str, value: Any, key: str = "tags") -> Attribute:
    if kind in ("append", "unappend"):
        lists = {"append": [], "unappend": [], kind: value}
        return Attribute(key, lists, custom=True, patch=True)
    return Attribute(key, value, deleted=kind == "delete")


def _profile(*attributes: Attribute, rules: Rules | None = None) -> Profile:
    person = Person((Identity("email", "ann@example.com"),), attributes, klaviyo_names=True)
    return to_profile(person, rules or Rules())


def _stored(properties: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """The properties after an import of the profile, as the emulator carries it out."""
    found = dict(properties)
    merge(found, profile.attributes.get("properties", {}), clear_nulls=False)
    patch(found, {"append": profile.append, "unappend": profile.unappend, "unset": list(profile.unset)})
    return found


def _entries(properties: dict[str, Any]) -> set[str]:
    """The entries of the list; Klaviyo may have one of them twice."""
    value = properties.get("tags", [])
    return set(map(repr, value if isinstance(value, list) else [value]))


@given(st.one_of(st.none(), _ENTRIES), st.lists(_CHANGES, max_size=6))
@example(["a"], [("append", ["b"]), ("unappend", ["a", "b"])])
@example(["a"], [("unappend", ["a"]), ("append", ["a"])])
@example(["a"], [("delete", None), ("append", ["b"])])
def test_changes_together_do_what_they_do_one_by_one(before: list[Any] | None, changes: list[Change]) -> None:
    start = {} if before is None else {"tags": before}
    one_by_one = start
    for each in changes:
        one_by_one = _stored(one_by_one, _profile(_attribute(*each)))
    together = _stored(start, _profile(*(_attribute(*each) for each in changes)))
    assert _entries(together) == _entries(one_by_one)


def test_a_patch_is_of_a_property_even_if_a_field_has_its_name() -> None:
    profile = _profile(Attribute("city", "Oslo"), _attribute("append", ["x"], "city"))
    assert profile.attributes["location"] == {"city": "Oslo"}
    assert (profile.append, profile.warnings) == ({"city": ["x"]}, ())


def test_a_patch_of_a_property_that_is_mapped_to_a_field_is_left_out_and_reported() -> None:
    profile = _profile(_attribute("append", ["x"], "job"), rules=Rules(properties={"job": "title"}))
    assert (profile.append, profile.warnings) == ({}, (Reason.ATTRIBUTE_UNSUPPORTED,))


def test_lists_longer_than_klaviyo_takes_are_left_out_and_reported() -> None:
    long = list(range(4_001))
    for attributes in ([_attribute("append", long)], [Attribute("tags", long), _attribute("append", ["x"])]):
        profile = _profile(*attributes, Attribute("plan", "gold"))
        assert profile.append == {}
        assert profile.attributes["properties"]["plan"] == "gold"
        assert Reason.ATTRIBUTE_TOO_LARGE in profile.warnings


@pytest.mark.parametrize("kind", ["append", "unappend"])
def test_an_empty_patch_changes_nothing(kind: str) -> None:
    profile = _profile(_attribute(kind, []))
    assert (profile.attributes, profile.append, profile.unappend) == ({"email": "ann@example.com"}, {}, {})
