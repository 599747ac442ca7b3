from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.subscription_rows import SUBSCRIBE, UNSUBSCRIBE, Circumstances, Form, problems
from tests.support.emulator_api import row, subscribed, unsubscribed

NOW = 1_800_000_000.0
REGIONS = frozenset({"US", "CA", "GB"})
SMS = {"marketing": {"consent": "SUBSCRIBED"}}


def findings(profile: object, form: Form = SUBSCRIBE, *, historical: bool = False) -> list[tuple[str, str]]:
    found = problems(profile, "", form, Circumstances(NOW, historical, REGIONS))
    return [(problem.pointer, problem.detail) for problem in found]


def where(profile: object, form: Form = SUBSCRIBE, *, historical: bool = False) -> list[str]:
    return [pointer for pointer, _ in findings(profile, form, historical=historical)]


@pytest.mark.parametrize(
    "profile",
    [
        subscribed("a@example.com"),
        subscribed(phone_number="+12025550123"),
        subscribed("a@example.com", "+12025550123"),
        {**subscribed("a@example.com"), "id": "01X"},
        row(email="a@example.com", phone_number="+4915112345678", subscriptions={"email": SMS}),
        row(email="a@example.com", subscriptions={"email": SMS, "sms": None}, age_gated_date_of_birth="2000-02-29"),
        row(phone_number="+12025550123", subscriptions={"sms": {**SMS, "transactional": {"consent": "SUBSCRIBED"}}}),
    ],
)
def test_a_good_subscription_has_no_problems(profile: dict[str, Any]) -> None:
    assert findings(profile) == []


@given(st.sampled_from(["first_name", "external_id", "properties", "location", "title", "anonymous_id", "_kx"]))
def test_only_what_belongs_to_consent_is_taken(name: str) -> None:
    for form, profile in ((SUBSCRIBE, subscribed("a@example.com")), (UNSUBSCRIBE, unsubscribed("a@example.com"))):
        profile["attributes"][name] = "x"
        assert findings(profile, form) == [
            (f"/attributes/{name}", f"'{name}' is not a valid field for the resource 'profile'.")
        ]


@pytest.mark.parametrize(
    ("profile", "pointer"),
    [
        (subscribed("nope"), "/attributes/email"),
        (subscribed(phone_number="0171"), "/attributes/phone_number"),
        ({**subscribed("a@example.com"), "meta": {}}, "/meta"),
        ({**subscribed("a@example.com"), "id": 7}, "/id"),
        (row(email="a@example.com"), "/attributes/subscriptions"),
        (row(email="a@example.com", subscriptions=None), "/attributes/subscriptions"),
        (row(email="a@example.com", subscriptions={"email": {}}), "/attributes/subscriptions"),
        (row(email="a@example.com", subscriptions={"email": "yes"}), "/attributes/subscriptions/email"),
        (row(email="a@example.com", subscriptions={"push": SMS}), "/attributes/subscriptions/push/marketing"),
        (unsubscribed("a@example.com"), "/attributes/subscriptions/email/marketing/consent"),
        (subscribed("a@example.com", colour="red"), "/attributes/subscriptions/email/marketing/colour"),
        (row(phone_number="+12025550123", subscriptions={"email": SMS}), "/attributes/email"),
        (
            row(email="a@example.com", subscriptions={"email": SMS}, age_gated_date_of_birth="yesterday"),
            "/attributes/age_gated_date_of_birth",
        ),
        (None, ""),
        ({"type": "person", "attributes": {}}, ""),
    ],
)
def test_a_bad_subscription_is_named_by_its_pointer(profile: object, pointer: str) -> None:
    assert where(profile) == [pointer]


def test_sms_needs_a_number_in_klaviyos_words() -> None:
    detail = "'phone_number' must not be empty when the sms channel is included in 'subscriptions'."
    assert findings(row(email="a@example.com", subscriptions={"sms": SMS})) == [("/attributes/phone_number", detail)]


@pytest.mark.parametrize(
    ("number", "taken"),
    [("+12025550123", True), ("+14165550123", True), ("+447400123456", True), ("+4915112345678", False)],
)
def test_sms_needs_a_region_with_a_sending_number(number: str, taken: bool) -> None:
    detail = "Phone number is valid but is not in a supported region for this account."
    assert findings(subscribed(phone_number=number)) == ([] if taken else [("/attributes/phone_number", detail)])


def test_taking_sms_back_needs_no_sending_number() -> None:
    assert findings(unsubscribed(phone_number="+4915112345678"), UNSUBSCRIBE) == []


@pytest.mark.parametrize(
    ("consented_at", "historical", "taken"),
    [
        ("2026-01-02T03:04:05Z", True, True),
        ("2026-01-02T03:04:05", True, True),
        (None, False, True),
        ("2026-01-02T03:04:05Z", False, False),
        (None, True, False),
        ("2030-01-01T00:00:00Z", True, False),
        ("yesterday", True, False),
        (20260102, True, False),
    ],
)
def test_the_time_of_consent_belongs_to_history_and_history_needs_it(
    consented_at: object, historical: bool, taken: bool
) -> None:
    expected = [] if taken else ["/attributes/subscriptions/email/marketing/consented_at"]
    assert where(subscribed("a@example.com", consented_at=consented_at), historical=historical) == expected


@pytest.mark.parametrize(
    ("profile", "pointer"),
    [
        ({**unsubscribed("a@example.com"), "id": "01X"}, "/id"),
        (subscribed("a@example.com"), "/attributes/subscriptions/email/marketing/consent"),
        (
            row(
                email="a@example.com",
                subscriptions={"email": {"marketing": {"consent": "UNSUBSCRIBED", "consented_at": "x"}}},
            ),
            "/attributes/subscriptions/email/marketing/consented_at",
        ),
    ],
)
def test_an_unsubscription_takes_neither_id_nor_time(profile: object, pointer: str) -> None:
    assert where(profile, UNSUBSCRIBE) == [pointer]


def test_all_problems_of_a_row_are_reported_together() -> None:
    profile = subscribed("nope", "1")
    profile["attributes"]["title"] = "Dr"
    assert where(profile) == ["/attributes/email", "/attributes/phone_number", "/attributes/title"]
