"""Messages that their sender keeps away from Klaviyo."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.segment.engage import is_for_klaviyo
from tests.support.segment import message, read


@pytest.mark.parametrize(
    ("integrations", "expected"),
    [
        ({"Klaviyo": False}, False),
        ({"All": False}, False),
        ({"All": True, "Klaviyo": False}, False),
        ({"All": False, "Klaviyo": False}, False),
        ({"Klaviyo (Actions)": False}, False),
        ({"All": False, "Mixpanel": True}, False),
        ({"All": False, "Klaviyo": True}, True),
        ({"All": False, "Klaviyo (Actions)": True}, True),
        ({"All": False, "Klaviyo": {"listId": "AbCdEf"}}, True),
        ({"Klaviyo": False, "Klaviyo (Actions)": True}, True),
        ({"All": True, "KLAVIYO": False}, False),
        ({"klaviyo": False}, False),
        ({"All": False, "KLAVIYO": {"fieldsToUnset": ["plan"]}}, True),
        ({"Klaviyo": "false"}, False),
        ({"All": " False "}, False),
        (False, False),
        ("false", False),
        ({"Klaviyo": "no"}, True),
        ({"Mixpanel": False}, True),
        ({"All": True}, True),
        ({"All": None}, True),
        ({}, True),
        (None, True),
        ([False], True),
    ],
)
def test_a_message_is_for_klaviyo_unless_its_flags_say_false(integrations: Any, expected: bool) -> None:
    assert is_for_klaviyo({"integrations": integrations}) is expected
    assert is_for_klaviyo({})


@pytest.mark.parametrize("kind", ["identify", "track", "delete"])
def test_what_is_not_for_klaviyo_is_counted_and_not_stored(kind: str) -> None:
    away = message(kind, event="User Unsubscribed", integrations={"Klaviyo": False})
    reading = read({"batch": [away, message(messageId="m-2")]})
    assert (reading.accepted, reading.dead, reading.unmapped) == (1, 0, {kind: 1})
    assert [each.message for each in reading.acceptances] == ["segment:m-2"]


@pytest.mark.parametrize(("flags", "accepted"), [(False, 1), ("False", 1), (True, 2), ("true", 2)])
def test_a_flag_beside_a_batch_holds_for_messages_that_say_nothing_else(flags: Any, accepted: int) -> None:
    batch = [message(), message(messageId="m-2", integrations={"Klaviyo": True})]
    assert read({"batch": batch, "integrations": flags}).accepted == accepted


def test_a_message_for_nobody_stays_so_beside_flags_of_its_batch() -> None:
    batch = [message(integrations=False), message(messageId="m-2", integrations=None)]
    reading = read({"batch": batch, "integrations": {"All": True}})
    assert (reading.accepted, reading.unmapped) == (1, {"identify": 1})


@pytest.mark.parametrize("nothing", [None, "", {}, [], 0])
def test_a_message_that_says_nothing_has_what_stands_beside_its_batch(nothing: Any) -> None:
    batch = [message(integrations=nothing), message(messageId="m-2", integrations={"Klaviyo": True})]
    reading = read({"batch": batch, "integrations": {"All": False}})
    assert (reading.accepted, reading.unmapped) == (1, {"identify": 1})


def test_flags_beside_a_batch_hold_for_its_messages_and_lie_under_theirs() -> None:
    batch = [message(), message(messageId="m-2", integrations={"Klaviyo": True})]
    reading = read({"batch": batch, "integrations": {"All": False}})
    assert (reading.accepted, reading.unmapped) == (1, {"identify": 1})
