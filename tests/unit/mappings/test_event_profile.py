from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import Reason, Rejected
from mappings.event import read
from mappings.rules import Rules

RULES = Rules()


def refusal(**profile: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        read(profile, RULES, [])
    return caught.value


@pytest.mark.parametrize(
    ("profile", "identifiers"),
    [
        ({"email": " ada@example.com "}, {"email": "ada@example.com"}),
        ({"phone_number": "8448309222", "country_code": "in"}, {"phone_number": "+918448309222"}),
        ({"phone_number": "+1 (212) 556-0100"}, {"phone_number": "+12125560100"}),
        ({"external_id": 4711}, {"external_id": "4711"}),
        ({"external_id": "x" * 255}, {"external_id": "x" * 255}),
        ({"anonymous_id": "an-1"}, {"anonymous_id": "an-1"}),
        (
            {"email": "ada@example.com", "external_id": "c-1", "anonymous_id": "an-1", "phone_number": ""},
            {"email": "ada@example.com", "external_id": "c-1", "anonymous_id": "an-1"},
        ),
    ],
)
def test_any_identifier_will_do_and_a_country_is_no_attribute(
    profile: dict[str, Any], identifiers: dict[str, str]
) -> None:
    warnings: list[str] = []
    assert read(profile, RULES, warnings) == (identifiers, {})
    assert warnings == []


def test_the_identifier_that_says_best_who_it_is_comes_first() -> None:
    given = {"anonymous_id": "an-1", "phone_number": "+12125560100", "external_id": "c-1", "email": "ada@example.com"}
    for places, first in enumerate(("email", "external_id", "phone_number", "anonymous_id")):
        found, _ = read(dict(list(given.items())[: 4 - places]), RULES, [])
        assert next(iter(found)) == first


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"phone_number": "701271", "country_code": "IN"}, Reason.PHONE_INVALID),
        ({"phone_number": {"a": 1}}, Reason.PHONE_INVALID),
        ({"external_id": "x" * 256}, Reason.EXTERNAL_ID_TOO_LONG),
        ({"external_id": "a\0b"}, Reason.EXTERNAL_ID_INVALID),
        ({"external_id": 1.5}, Reason.EXTERNAL_ID_INVALID),
        ({"anonymous_id": "x" * 256}, Reason.ANONYMOUS_ID_INVALID),
        ({"anonymous_id": "a\ud800"}, Reason.ANONYMOUS_ID_INVALID),
        ({"anonymous_id": ["an-1"]}, Reason.ANONYMOUS_ID_INVALID),
    ],
)
def test_a_wrong_identifier_is_left_out_beside_a_good_email_and_rejected_alone(
    wrong: dict[str, Any], reason: Reason
) -> None:
    warnings: list[str] = []
    assert read({"email": "ada@example.com", **wrong}, RULES, warnings) == ({"email": "ada@example.com"}, {})
    assert warnings == [reason]
    caught = refusal(**wrong)
    assert (caught.reason, caught.field) == (reason, next(iter(wrong)))


@pytest.mark.parametrize("email", ["ada@example", "invalid_email@gmail..com", True, ["ada@example.com"]])
def test_a_wrong_email_is_not_made_good_by_another_identifier(email: object) -> None:
    caught = refusal(email=email, external_id="c-1", phone_number="+12125560100", anonymous_id="an-1")
    assert (caught.reason, caught.field) == (Reason.EMAIL_INVALID, "email")


@pytest.mark.parametrize("profile", [{}, {"email": " "}, {"country_code": "US"}, {"plan": "gold"}])
def test_nobody_is_rejected(profile: dict[str, Any]) -> None:
    assert refusal(**profile).reason is Reason.NO_IDENTIFIER


@pytest.mark.parametrize("profile", [None, "ada@example.com", ["ada@example.com"], 1])
def test_a_profile_that_is_no_object_is_unreadable(profile: object) -> None:
    with pytest.raises(Rejected) as caught:
        read(profile, RULES, [])
    assert caught.value.reason is Reason.FRAGMENT_UNREADABLE


def test_what_else_there_is_becomes_standard_fields_and_properties() -> None:
    warnings: list[str] = []
    extra = {"first_name": "Ada", "city": "London", "latitude": "91", "plan": "gold", "$tier": 2, "none": None}
    assert read({"external_id": "c-1", **extra}, RULES, warnings) == (
        {"external_id": "c-1"},
        {"first_name": "Ada", "location": {"city": "London"}, "properties": {"plan": "gold", "tier": 2}},
    )
    assert warnings == [Reason.LATITUDE_INVALID]


def test_the_rules_of_a_profile_hold_for_the_profile_of_an_event() -> None:
    rules = Rules(default_country="DE", coerce=True, properties={"company": "organization"})
    found = read({"phone_number": "0151 12345678", "age": "36", "company": "Engines"}, rules, [])
    assert found == ({"phone_number": "+4915112345678"}, {"organization": "Engines", "properties": {"age": 36}})


@given(st.text(st.characters(exclude_categories=())), st.one_of(st.none(), st.text(max_size=3)))
def test_no_phone_costs_a_person_with_a_good_email(phone: str, country: str | None) -> None:
    warnings: list[str] = []
    found, _ = read({"email": "ada@example.com", "phone_number": phone, "country_code": country}, RULES, warnings)
    assert found["email"] == "ada@example.com"
    assert ("phone_number" in found) + (Reason.PHONE_INVALID in warnings) == bool(phone.strip())
