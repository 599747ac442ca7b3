from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.contract import DOCUMENTED, REVISED
from tests.support.emulator_api import bulk_body, row, subscribed, unsubscribed
from tests.support.emulator_bodies import problems as all_problems

SUBSCRIBE = "/api/profile-subscription-bulk-create-jobs"
UNSUBSCRIBE = "/api/profile-subscription-bulk-delete-jobs"
SMS = {"marketing": {"consent": "SUBSCRIBED"}}
ROW = "/attributes/profiles/data/0"


def problems(profile: object, path: str = SUBSCRIBE, *, historical: bool = False, **more: Any) -> list[tuple[str, str]]:
    attributes: dict[str, Any] = {"historical_import": True} if historical else {}
    found = all_problems(f"POST {path}", bulk_body(path, [profile], **attributes)["data"], **more)
    assert all(pointer.startswith(ROW) for pointer, _ in found)
    return [(pointer.removeprefix(ROW), problem) for pointer, problem in found]


def where(profile: object, path: str = SUBSCRIBE, *, historical: bool = False) -> list[str]:
    return [pointer for pointer, _ in problems(profile, path, historical=historical)]


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
    assert problems(profile) == []


@given(st.sampled_from(["first_name", "external_id", "properties", "location", "title", "anonymous_id", "_kx"]))
def test_only_what_belongs_to_consent_is_taken(name: str) -> None:
    for path, profile in ((SUBSCRIBE, subscribed("a@example.com")), (UNSUBSCRIBE, unsubscribed("a@example.com"))):
        profile["attributes"][name] = "x"
        assert problems(profile, path) == [
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
        (row(email="a@example.com", subscriptions={"fax": SMS}), "/attributes/subscriptions/fax"),
        (row(email="a@example.com", subscriptions={"push": SMS}), "/attributes/subscriptions/push/marketing"),
        (unsubscribed("a@example.com"), "/attributes/subscriptions/email/marketing/consent"),
        (subscribed("a@example.com", colour="red"), "/attributes/subscriptions/email/marketing/colour"),
        (row(phone_number="+12025550123", subscriptions={"email": SMS}), "/attributes/email"),
        (
            row(email="a@example.com", subscriptions={"email": SMS}, age_gated_date_of_birth="yesterday"),
            "/attributes/age_gated_date_of_birth",
        ),
        (None, ""),
        ({"type": "person", "attributes": {"subscriptions": {}}}, "/type"),
    ],
)
def test_a_bad_subscription_is_named_by_its_pointer(profile: object, pointer: str) -> None:
    assert where(profile) == [pointer]


def test_sms_needs_a_number_in_klaviyos_words() -> None:
    detail = "'phone_number' must not be empty when the sms channel is included in 'subscriptions'."
    assert problems(row(email="a@example.com", subscriptions={"sms": SMS})) == [("/attributes/phone_number", detail)]


@pytest.mark.parametrize(
    ("number", "taken"),
    [("+12025550123", True), ("+14165550123", True), ("+447400123456", True), ("+4915112345678", False)],
)
def test_sms_needs_a_region_with_a_sending_number(number: str, taken: bool) -> None:
    detail = "Phone number is valid but is not in a supported region for this account."
    assert problems(subscribed(phone_number=number)) == ([] if taken else [("/attributes/phone_number", detail)])


def test_taking_sms_back_needs_no_sending_number() -> None:
    assert problems(unsubscribed(phone_number="+4915112345678"), UNSUBSCRIBE) == []


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
        (unsubscribed(phone_number="0171"), "/attributes/phone_number"),
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
    profile = subscribed("nope")
    profile["attributes"]["title"] = "Dr"
    assert where({**profile, "meta": {}}) == ["/attributes/email", "/attributes/title", "/meta"]


@pytest.mark.parametrize("name", ["open_tracking", "click_tracking"])
def test_the_newer_kind_of_tracking_is_known_since_the_revision_of_october(name: str) -> None:
    profile = row(email="a@example.com", subscriptions={"email": {**SMS, name: {"consent": "SUBSCRIBED"}}})
    assert problems(profile, revision=REVISED) == []
    unknown = f"'{name}' is not a valid field for the resource 'email'."
    expected = [] if name == "open_tracking" else [(f"/attributes/subscriptions/email/{name}", unknown)]
    assert problems(profile, revision=DOCUMENTED) == expected


@pytest.mark.parametrize("name", ["open_tracking", "click_tracking"])
def test_tracking_takes_a_consent_without_a_time_also_in_history(name: str) -> None:
    dated = {"marketing": {"consent": "SUBSCRIBED", "consented_at": "2026-01-02T03:04:05Z"}}
    for tracking, expected in (
        ({"consent": "SUBSCRIBED"}, []),
        ({"consent": "UNSUBSCRIBED"}, [f"/attributes/subscriptions/email/{name}/consent"]),
        (dated["marketing"], [f"/attributes/subscriptions/email/{name}/consented_at"]),
    ):
        profile = row(email="a@example.com", subscriptions={"email": {**dated, name: tracking}})
        assert where(profile, historical=True) == expected
