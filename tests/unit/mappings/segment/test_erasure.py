"""Segment's requests to delete a user."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.json import encode

from mappings.profile import to_profile
from mappings.rules import Rules
from mappings.segment.person import erasure, read


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({"userId": "u-1"}, {"external_id": "u-1"}),
        ({"userId": 17}, {"external_id": "17"}),
        ({"traits": {"email": " ann@example.com "}}, {"email": "ann@example.com"}),
        (
            {"userId": "u-1", "context": {"traits": {"phone": "+14155550132"}}},
            {"external_id": "u-1", "phone_number": "+14155550132"},
        ),
    ],
)
def test_the_person_is_known_by_what_the_message_has(more: dict[str, Any], fields: dict[str, str]) -> None:
    routed = erasure({"type": "delete", **more})
    assert (routed.kind, routed.change, routed.fields, routed.reason) == ("erasure", "erase", fields, None)
    assert routed.identities
    profile = to_profile(read(encode(routed.fields)), Rules())
    assert profile.attributes == fields


@pytest.mark.parametrize("more", [{}, {"userId": " "}, {"userId": None, "traits": []}, {"anonymousId": "a-1"}])
def test_a_deletion_of_nobody_is_dead_on_arrival_with_the_remedy(more: dict[str, Any]) -> None:
    routed = erasure({"type": "delete", **more})
    assert routed.reason == "no_identifier"
    assert "the message has none of email, phone_number, external_id" in (routed.detail or "")


def test_what_waits_under_the_phone_alone_is_forgotten_too() -> None:
    routed = erasure({"type": "delete", "traits": {"email": "ann@example.com", "phone": "+14155550132"}})
    assert routed.identities == (("email", "ann@example.com"), ("phone", "+14155550132"))
    assert erasure({"type": "delete", "traits": {"phone": "1"}}).identities == (("phone", "1"),)
