from __future__ import annotations

from typing import Any

import pytest

from mappings.errors import Reason
from mappings.person import Attribute, Identity, Person
from mappings.profile import Profile, to_profile
from mappings.rules import Rules

_ALL_MAPPED = {
    "street2": "address2",
    "avatar": "image",
    "lat": "latitude",
    "lon": "longitude",
    "company": "organization",
    "origin": "source",
    "zone": "timezone",
    "job": "title",
}


def _profile(*attributes: Attribute, rules: Rules | None = None) -> Profile:
    person = Person((Identity("email", "jane@example.com"),), attributes)
    return to_profile(person, rules or Rules())


def _expected(
    *warnings: Reason, unset: tuple[str, ...] = (), clear: tuple[str, ...] = (), **attributes: Any
) -> Profile:
    return Profile({"email": "jane@example.com", **attributes}, unset=unset, clear=clear, warnings=warnings)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ([("$plan", "a"), ("plan", "b")], _expected(Reason.ATTRIBUTE_SHADOWED, properties={"plan": "b"})),
        ([("plan", "b"), ("$plan", "a")], _expected(Reason.ATTRIBUTE_SHADOWED, properties={"plan": "b"})),
        ([("plan", "a"), ("plan", "b")], _expected(properties={"plan": "b"})),
        ([("plan", "a"), ("Plan", "b")], _expected(properties={"plan": "a", "Plan": "b"})),
        ([("$FirstName", "a"), ("$firstname", "b")], _expected(first_name="b")),
        ([("$firstname", "b"), ("$FirstName", "a")], _expected(first_name="a")),
        ([("$plan", "a"), ("plan", None)], _expected(properties={"plan": "a"})),
        ([("plan", None), ("$plan", "a")], _expected(properties={"plan": "a"})),
        ([("$plan", None), ("plan", "a")], _expected(properties={"plan": "a"})),
        ([("plan", None), ("$plan", None)], _expected(unset=("plan",))),
    ],
)
def test_of_two_attributes_with_one_place_the_exact_name_wins_then_the_later(
    attributes: list[tuple[str, str | None]], expected: Profile
) -> None:
    assert _profile(*(Attribute(key, value, deleted=value is None) for key, value in attributes)) == expected


def test_a_mapped_attribute_wins_over_a_property_that_is_named_like_its_target() -> None:
    mapped, named = Attribute("origin", "a"), Attribute("source", "b")
    for attributes in ((mapped, named), (named, mapped)):
        profile = _profile(*attributes, rules=Rules(properties=_ALL_MAPPED))
        assert profile == _expected(Reason.ATTRIBUTE_SHADOWED, properties={"source": "a"})


def test_two_mapped_attributes_with_one_target_leave_the_later_value_and_no_deletion() -> None:
    rules = Rules(properties={"job": "title", "role": "title"})
    assert _profile(Attribute("job", "a"), Attribute("role", "b"), rules=rules) == _expected(
        Reason.ATTRIBUTE_SHADOWED, title="b"
    )
    assert _profile(Attribute("job", "a"), Attribute("role", deleted=True), rules=rules) == _expected(title="a")


def test_writing_an_attribute_again_makes_it_the_later_of_two_with_one_target() -> None:
    attributes = (Attribute("job", "a"), Attribute("role", "b"), Attribute("job", "c"))
    profile = _profile(*attributes, rules=Rules(properties={"job": "title", "role": "title"}))
    assert profile == _expected(Reason.ATTRIBUTE_SHADOWED, title="c")


@pytest.mark.parametrize(
    ("key", "rules", "expected"),
    [
        ("plan", Rules(), _expected(unset=("plan",))),
        ("$plan", Rules(), _expected(unset=("plan",))),
        ("$FirstName", Rules(), _expected(clear=("first_name",))),
        ("$State", Rules(), _expected(clear=("location.region",))),
        ("zone", Rules(properties=_ALL_MAPPED), _expected(clear=("location.timezone",))),
        ("company", Rules(properties=_ALL_MAPPED), _expected(clear=("organization",))),
        ("origin", Rules(properties=_ALL_MAPPED), _expected(unset=("source",))),
    ],
)
def test_a_deletion_unsets_a_property_and_asks_to_clear_a_field(key: str, rules: Rules, expected: Profile) -> None:
    assert _profile(Attribute(key, deleted=True), rules=rules) == expected
    assert _profile(Attribute(key, None), rules=rules) == expected


@pytest.mark.parametrize("key", ["plan", "$city"])
def test_the_last_of_a_value_and_a_deletion_of_one_name_counts(key: str) -> None:
    value, deletion = Attribute(key, "x"), Attribute(key, deleted=True)
    assert _profile(value, deletion) == _profile(deletion)
    assert _profile(deletion, value) == _profile(value)


@pytest.mark.parametrize("value", [["a", "b"], True, "", {"a": {"b": 1}}, 12, 1.5, [], [None]])
def test_properties_keep_lists_tags_and_every_other_value(value: object) -> None:
    assert _profile(Attribute("a", value)) == _expected(properties={"a": value})


@pytest.mark.parametrize(
    ("key", "value", "warning"),
    [
        ("a", "x" * 100_001, Reason.ATTRIBUTE_TOO_LARGE),
        ("a", ["x"] * 4_001, Reason.ATTRIBUTE_TOO_LARGE),
        ("$City", "x" * 100_001, Reason.ATTRIBUTE_TOO_LARGE),
        ("a" * 100_001, "x", Reason.ATTRIBUTE_TOO_LARGE),
        ("a", float("nan"), Reason.ATTRIBUTE_UNSUPPORTED),
        ("a", 2**64, Reason.ATTRIBUTE_UNSUPPORTED),
        ("$", "x", Reason.ATTRIBUTE_UNNAMED),
        ("", "x", Reason.ATTRIBUTE_UNNAMED),
        ("\x00", "x", Reason.ATTRIBUTE_UNNAMED),
    ],
)
def test_what_cannot_be_sent_is_left_out_with_a_warning(key: str, value: object, warning: Reason) -> None:
    assert _profile(Attribute(key, value), Attribute("b", 1)) == _expected(warning, properties={"b": 1})


def test_each_warning_comes_once() -> None:
    assert _profile(Attribute("a", float("nan")), Attribute("b", float("nan"))) == _expected(
        Reason.ATTRIBUTE_UNSUPPORTED
    )


def test_names_and_values_come_without_nul_and_lone_surrogates() -> None:
    profile = _profile(Attribute("a\ud800", "x\x00y"), Attribute("$first\x00name", "Ja\udfffne"))
    assert profile == _expected(first_name="Jane", properties={"a": "xy"})


def test_values_are_left_as_they_are_unless_coercion_is_asked_for() -> None:
    assert _profile(Attribute("a", "12")) == _expected(properties={"a": "12"})


def test_coercion_turns_the_text_of_custom_properties_and_nothing_else() -> None:
    profile = _profile(
        Attribute("a", "12"),
        Attribute("b", "007"),
        Attribute("c", ["12"]),
        Attribute("$zip", "33431"),
        Attribute("origin", "true"),
        rules=Rules(coerce=True, properties=_ALL_MAPPED),
    )
    assert profile == _expected(
        location={"zip": "33431"}, properties={"a": 12, "b": "007", "c": ["12"], "source": True}
    )


def test_a_profile_of_everything_has_the_shape_of_klaviyos_bulk_import() -> None:
    profile = to_profile(
        Person(
            (
                Identity("mpid", "1"),
                Identity("email", "jane@example.com"),
                Identity("customer", "c-1"),
                Identity("mobile_number", "2125560100"),
            ),
            (
                Attribute("$FirstName", "Jane"),
                Attribute("$Country", "USA"),
                Attribute("company", "Acme"),
                Attribute("zone", "America/New_York"),
                Attribute("plan", "gold"),
                Attribute("vip", True),
                Attribute("Churned", deleted=True),
                Attribute("$City", deleted=True),
            ),
        ),
        Rules(alternate_identifier="customer", properties=_ALL_MAPPED),
    )
    assert profile == Profile(
        attributes={
            "email": "jane@example.com",
            "phone_number": "+12125560100",
            "external_id": "c-1",
            "first_name": "Jane",
            "organization": "Acme",
            "location": {"country": "USA", "timezone": "America/New_York"},
            "properties": {"plan": "gold", "vip": True},
        },
        unset=("Churned",),
        clear=("location.city",),
    )
