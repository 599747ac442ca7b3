"""Which phone numbers are taken, and which bodies go on without one that is not."""

from __future__ import annotations

from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import phones
from emulator.rules import About
from tests.support.emulator_api import bulk_body, deletion_body, entry, event, events_body, import_body, row, subscribed
from tests.support.emulator_bodies import CREATE, IMPORT, NOW, REGIONS, UPDATE, UPSERT, problems

GOOD, BAD = "+12025550123", "+12025550"
INVALID = "Invalid phone number format (Example of a valid format: +12345678901)"
SUBSCRIBE = "/api/profile-subscription-bulk-create-jobs"


@pytest.mark.parametrize(
    ("number", "taken"),
    [
        ("+12025550123", True),
        ("+12345678901", True),
        ("+525541637145", True),
        ("+919123403756", True),
        ("+4915112345678", True),
        ("+33612345678", True),
        ("+5511987654321", True),
        ("+61412345678", True),
        ("+358401234567", True),
        ("+12", False),
        ("+1555", False),
        ("+9112340375", False),
        ("+9191234037", False),
        ("+49151", False),
        ("+3361234567", False),
        ("+551198765432100", False),
        ("+6141234567", False),
        ("+5215541637145", False),
        ("+10000000000", False),
        ("+1234", False),
        ("+999123456789", False),
        ("12025550123", False),
        ("+0123", False),
        ("+1 202 555 0123", False),
        ("+1234567890123456", False),
        ("+12025550123;ext=7", False),
        ("", False),
    ],
)
def test_a_number_is_taken_if_it_is_e164_and_can_exist(number: str, taken: bool) -> None:
    assert phones.takes(number) is taken


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_the_example_of_every_country_is_taken_and_half_of_it_is_not(region: str) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert phones.takes(number)
    assert not phones.takes(number[: len(number) // 2])


@given(st.text(max_size=20))
def test_any_text_has_an_answer(text: str) -> None:
    if phones.takes(text):
        assert text[0] == "+"
        assert text[1:].isdecimal()


@pytest.mark.parametrize(
    ("call", "data", "where"),
    [
        (UPSERT, row(email="a@example.com", phone_number=BAD), ""),
        (UPDATE, {**row(phone_number=BAD), "id": "01X"}, ""),
        (CREATE, row(phone_number=BAD), ""),
        (CREATE, row(phone_number=BAD, email=None, first_name="Ada"), ""),
        (IMPORT, import_body([row(email="a@example.com", phone_number=BAD)])["data"], "/attributes/profiles/data/0"),
        ("POST /api/events", event(profile={"data": row(phone_number=BAD)}), "/attributes/profile/data"),
        (
            "POST /api/data-privacy-deletion-jobs",
            deletion_body(phone_number=BAD)["data"],
            "/attributes/profile/data",
        ),
    ],
)
def test_a_number_that_cannot_exist_is_refused(call: str, data: object, where: str) -> None:
    assert problems(call, data) == [(f"{where}/attributes/phone_number", INVALID)]


def left_out(call: str, data: Any) -> bool:
    """Whether a body without problems goes on without its number."""
    about = About(NOW, REGIONS, ())
    assert problems(call, data, about=about) == []
    return about.partial


@pytest.mark.parametrize("number", [BAD, "0171 234", "+12", ""])
@pytest.mark.parametrize("other", [{"email": "a@example.com"}, {"external_id": "x"}])
def test_a_bad_number_beside_another_identifier_is_left_out(number: str, other: dict[str, str]) -> None:
    profile = row(phone_number=number, **other)
    assert left_out(CREATE, profile)
    assert profile == row(**other)


@pytest.mark.parametrize(
    "profile",
    [row(phone_number=GOOD, email="a@example.com"), row(phone_number=None, email="a@example.com"), row(email="a@b.co")],
)
def test_any_other_profile_is_left_as_it_is(profile: Any) -> None:
    before = repr(profile)
    assert not left_out(CREATE, profile)
    assert repr(profile) == before


@pytest.mark.parametrize(
    "named", [{"email": "a@example.com"}, {"external_id": "x"}, {"_kx": "x"}, {"anonymous_id": "x"}]
)
def test_an_event_goes_on_without_a_bad_number(named: dict[str, str]) -> None:
    profile = row(phone_number=BAD, **named)
    assert left_out("POST /api/event-bulk-create-jobs", events_body(entry(profile, event()))["data"])
    assert profile == row(**named)


def test_an_event_by_id_goes_on_without_a_bad_number() -> None:
    profile = {**row(phone_number=BAD), "id": "01X"}
    assert left_out("POST /api/events", event(profile={"data": profile}))
    assert profile == {**row(), "id": "01X"}


def test_a_subscription_goes_on_without_the_number_and_without_sms() -> None:
    profile = subscribed("a@example.com", BAD)
    assert left_out(f"POST {SUBSCRIBE}", bulk_body(SUBSCRIBE, [profile])["data"])
    assert profile == subscribed("a@example.com")


def test_a_subscription_to_sms_alone_is_refused_with_its_bad_number() -> None:
    profile = subscribed(phone_number=BAD)
    profile["attributes"]["email"] = "a@example.com"
    found = problems(f"POST {SUBSCRIBE}", bulk_body(SUBSCRIBE, [profile])["data"])
    assert found == [("/attributes/profiles/data/0/attributes/phone_number", INVALID)]
