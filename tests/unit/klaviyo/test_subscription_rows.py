"""The rows of a consent, and the channel of a row that a refusal is about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from klaviyo.outcomes import RowError
from klaviyo.subscriptions import only_sms, subscription, unsubscription

PHONE = "+12125560100"
AT = "2024-04-01T18:37:06.558Z"
ROW = "/data/attributes/profiles/data/3"
GIVEN, WITHDRAWN = {"consent": "SUBSCRIBED"}, {"consent": "UNSUBSCRIBED"}


def attributes(row: bytes) -> Any:
    profile = json.loads(row)
    assert profile.keys() == {"type", "attributes"}
    assert profile["type"] == "profile"
    return profile["attributes"]


def test_a_channel_is_subscribed_only_where_there_is_an_address_for_it() -> None:
    assert attributes(subscription("ada@example.com", PHONE, None)) == {
        "email": "ada@example.com",
        "phone_number": PHONE,
        "subscriptions": {"email": {"marketing": GIVEN}, "sms": {"marketing": GIVEN}},
    }
    assert attributes(subscription(None, PHONE, None))["subscriptions"] == {"sms": {"marketing": GIVEN}}
    since = {"consent": "SUBSCRIBED", "consented_at": AT}
    assert attributes(subscription("ada@example.com", None, AT))["subscriptions"] == {"email": {"marketing": since}}


def test_who_unsubscribes_from_sms_gets_no_transactional_ones_either() -> None:
    assert attributes(unsubscription("ada@example.com", PHONE)) == {
        "email": "ada@example.com",
        "phone_number": PHONE,
        "subscriptions": {
            "email": {"marketing": WITHDRAWN},
            "sms": {"marketing": WITHDRAWN, "transactional": WITHDRAWN},
        },
    }


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("phone_number", True),
        ("subscriptions/sms", True),
        ("subscriptions/sms/marketing/consent", True),
        ("email", False),
        ("subscriptions/email/marketing/consented_at", False),
        ("subscriptions", False),
        ("subscriptions/push", False),
        ("subscriptions/smsx", False),
        ("phone_numbers", False),
        ("properties/phone_number", False),
    ],
)
def test_a_pointer_at_the_phone_or_its_consent_leaves_the_e_mail(place: str, expected: bool) -> None:
    assert only_sms(RowError(3, "invalid", "d", f"{ROW}/attributes/{place}", "e")) is expected


def test_a_pointer_at_the_row_leaves_nothing_of_it() -> None:
    assert not only_sms(RowError(3, "invalid", "d", ROW, "e"))
