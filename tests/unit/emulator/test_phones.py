"""Which phone numbers are taken, and which rows go on without one that is not."""

from __future__ import annotations

from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import event_rows, phones, rows, subscription_rows
from tests.support.emulator_api import row, subscribed

GOOD, BAD = "+12025550123", "+12025550"
INVALID = "Invalid phone number format (Example of a valid format: +12345678901)"


@pytest.mark.parametrize(
    ("number", "taken"),
    [
        ("+12025550123", True),
        ("+12345678901", True),
        ("+525541637145", True),
        ("+5215541637145", False),
        ("+10000000000", False),
        ("+1234", False),
        ("+999123456789", False),
        ("12025550123", False),
        ("+1 202 555 0123", False),
        ("+12025550123;ext=7", False),
        ("", False),
    ],
)
def test_a_number_is_taken_if_it_is_e164_and_can_exist(number: str, taken: bool) -> None:
    assert phones.takes(number) is taken


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_the_example_of_every_country_is_taken(region: str) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    assert phones.takes(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))


@given(st.text(max_size=20))
def test_any_text_has_an_answer(text: str) -> None:
    if phones.takes(text):
        assert text[0] == "+"
        assert text[1:].isdecimal()


@pytest.mark.parametrize("form", [rows.UPSERT, rows.CREATE, rows.UPDATE])
def test_a_row_with_a_number_that_cannot_exist_is_refused(form: rows.Form) -> None:
    found = rows.problems(row(email="a@example.com", phone_number=BAD), "", form)
    assert [(problem.pointer, problem.detail) for problem in found] == [("/attributes/phone_number", INVALID)]


@pytest.mark.parametrize("number", [BAD, "0171 234", ""])
@pytest.mark.parametrize("other", [{"email": "a@example.com"}, {"external_id": "x"}])
def test_a_bad_number_beside_another_identifier_is_dropped(number: str, other: dict[str, str]) -> None:
    profile = row(phone_number=number, **other)
    assert phones.drop(profile, rows.CREATE.identifiers)
    assert profile == row(**other)


def test_a_bad_number_beside_an_id_is_dropped() -> None:
    profile = {**row(phone_number=BAD), "id": "01X"}
    assert phones.drop(profile, rows.UPSERT.identifiers)
    assert profile == {**row(), "id": "01X"}


@pytest.mark.parametrize(
    "profile",
    [
        row(phone_number=GOOD, email="a@example.com"),
        row(phone_number=BAD),
        row(phone_number=BAD, email=None, first_name="Ada"),
        row(phone_number=None, email="a@example.com"),
        row(phone_number=7, email="a@example.com"),
        row(email="a@example.com"),
        {"type": "profile"},
        {"attributes": []},
        [],
        None,
    ],
)
def test_any_other_profile_is_left_as_it_is(profile: Any) -> None:
    before = repr(profile)
    assert not phones.drop(profile, rows.CREATE.identifiers)
    assert repr(profile) == before


@pytest.mark.parametrize("name", ["email", "external_id", "_kx", "anonymous_id"])
def test_an_event_goes_on_without_a_bad_number(name: str) -> None:
    profile = row(phone_number=BAD, **{name: "x"})
    assert event_rows.drop_phone({"profile": {"data": profile}})
    assert profile == row(**{name: "x"})


@pytest.mark.parametrize("attributes", [None, {}, {"profile": None}, {"profile": {"data": None}}])
def test_an_event_without_a_profile_has_no_number(attributes: object) -> None:
    assert not event_rows.drop_phone(attributes)


def test_a_subscription_goes_on_without_the_number_and_without_sms() -> None:
    profile = subscribed("a@example.com", BAD)
    assert subscription_rows.drop_phone(profile)
    assert profile == subscribed("a@example.com")


def test_a_subscription_to_sms_alone_keeps_its_bad_number() -> None:
    profile = subscribed(phone_number=BAD)
    profile["attributes"]["email"] = "a@example.com"
    assert not subscription_rows.drop_phone(profile)
    assert profile["attributes"]["phone_number"] == BAD
