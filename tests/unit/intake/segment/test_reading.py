"""What becomes of messages of the Segment spec: which queue, which person, which time."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from configuration.connections import Connection
from intake.segment.reading import SegmentBatch
from mappings.segment import settings as segment_settings
from queues.change import Change, decode, person_key
from tests.support.segment import NOW, PERSONAS, TRAITS, changes, dead, message, read


def only_change(reading: SegmentBatch) -> Change:
    ((stored,),) = (each.changes for each in reading.acceptances)
    return decode(stored)


@pytest.mark.parametrize(
    ("posted", "queues"),
    [
        (message(), {"default/profile/profiles": ["update"]}),
        (message("track", event="Bought"), {"default/event/events": ["event"]}),
        (
            message("track", event="User Unsubscribed"),
            {"default/consent/consents": ["unsubscribe"], "default/event/events": ["event"]},
        ),
        (
            message("track", event="Audience Entered", context={"personas": PERSONAS}),
            {"default/audience/aud_1": ["add"], "default/event/events": ["event"]},
        ),
        (
            message("track", event="Order Completed", properties={"products": [{"sku": "a"}, {"sku": "b"}]}),
            {"default/event/events": ["event", "event", "event"]},
        ),
    ],
)
def test_each_action_has_its_queue(posted: dict[str, Any], queues: dict[str, list[str]]) -> None:
    reading = read(posted)
    assert {queue: [each.body.action for each in found] for queue, found in changes(reading).items()} == queues
    assert (reading.accepted, reading.dead, reading.unmapped) == (1, 0, {})


@pytest.mark.parametrize("kind", ["group", "alias", "page", "screen"])
def test_what_no_action_is_for_is_counted_and_not_stored(kind: str) -> None:
    reading = read({"batch": [message(kind), message(kind)]})
    assert (reading.acceptances, reading.accepted, reading.unmapped) == ([], 0, {kind: 2})


def test_an_erasure_goes_to_its_own_queue_whatever_the_triggers_say() -> None:
    actions = segment_settings.read([{"action": "upsert_profile", "trigger": 'type = "delete"'}])
    reading = read(message("delete"), Connection("default", actions=actions))
    found = {queue: [each.body.action for each in kept] for queue, kept in changes(reading).items()}
    assert found == {"default/erasure/erasures": ["erase"]}


def test_a_list_that_is_known_and_the_name_of_one_that_is_not_go_with_the_audience() -> None:
    settings = {"audience_settings": {"listId": "AbCdEf"}}
    personas = [PERSONAS, PERSONAS | settings]
    batch = [message("track", event="Audience Entered", context={"personas": each}) for each in personas]
    told = [msgspec.json.decode(each.audience) for each in read({"batch": batch}).acceptances if each.audience]
    assert told == [
        {"name": "vips", "settings": {}},
        {"name": "list:AbCdEf", "settings": {"listId": "AbCdEf"}},
    ]


@pytest.mark.parametrize(
    ("more", "keys"),
    [
        ({"userId": "u-1"}, [("email", "ann@example.com"), ("user_id", "u-1"), ("external_id", "u-1")]),
        ({"userId": 7, "anonymousId": "a"}, [("email", "ann@example.com"), ("user_id", "7"), ("external_id", "7")]),
        ({"traits": {"phone": "+1 (415) 555-2671"}}, [("phone", "14155552671")]),
        ({"traits": {"phone": "1-800-FLOWERS"}}, [("phone/typed", "1800flowers")]),
        ({"traits": {"email": " ANN@example.com", "phone": "1"}}, [("email", "ann@example.com")]),
        (
            {"traits": {"email": "ann@example.com", "phone": "+14155552671"}, "userId": "U-1"},
            [("email", "ann@example.com"), ("user_id", "U-1"), ("external_id", "U-1"), ("phone", "14155552671")],
        ),
        ({"userId": "null"}, [("email", "ann@example.com")]),
    ],
)
def test_a_person_is_told_from_others_by_what_only_one_can_have(
    more: dict[str, Any], keys: list[tuple[str, str]]
) -> None:
    assert only_change(read(message(**more))).keys == tuple(person_key(*key) for key in keys)


def test_a_consent_belongs_to_the_addresses_and_to_nothing_else() -> None:
    traits = TRAITS | {"phone": "+1 415 555 2671"}
    reading = read(message("track", event="User Subscribed", userId="u-1", traits=traits))
    (consent,) = changes(reading)["default/consent/consents"]
    assert consent.keys == (person_key("email", "ann@example.com"), person_key("phone", "14155552671"))


def test_whom_only_a_device_tells_apart_is_known_by_its_id() -> None:
    event = only_change(read(message("track", event="Seen", traits={}, anonymousId="a-1")))
    assert event.keys == (person_key("anonymous_id", "a-1"),)


def test_a_user_id_of_nobody_leaves_an_event_to_the_device() -> None:
    event = only_change(read(message("track", event="Seen", traits={}, userId="null", anonymousId="a-1")))
    assert event.keys == (person_key("anonymous_id", "a-1"),)
    ((_, reason, _),) = dead(read(message("track", event="Seen", traits={}, userId="null", anonymousId="null")))
    assert reason == "identifier_blocked"


def test_an_event_keeps_the_user_id_beside_what_klaviyo_is_to_know_of_its_person() -> None:
    event = only_change(read(message("track", event="Seen", traits={}, userId="u-1")))
    stored = json.loads(bytes(event.body.person))
    assert (stored["user_id"], stored["profile"]) == ("u-1", {"external_id": "u-1"})


def test_a_phone_without_a_digit_tells_nobody_from_others() -> None:
    ((queue, reason, detail),) = dead(read(message(traits={"phone": "none"})))
    assert (queue, reason) == ("default/profile/profiles", "phone_invalid")
    assert detail.startswith("$: its phone has no digit")


@pytest.mark.parametrize(
    ("times", "at"),
    [
        ({"timestamp": "2025-12-31T00:00:00.5Z", "sentAt": "2025-01-01"}, NOW - 86_399_500),
        ({"timestamp": None, "originalTimestamp": "2025-12-31T00:00:00Z"}, NOW - 86_400_000),
        ({"timestamp": "", "sentAt": "2025-12-31T23:59:59+00:00"}, NOW - 1_000),
        ({"timestamp": NOW // 1000 - 5}, NOW - 5_000),
        ({"timestamp": NOW - 5}, NOW - 5),
        ({"timestamp": "2025-12-31T23:59:58.9999Z"}, NOW - 1_001),
        ({}, NOW),
        ({"timestamp": "yesterday"}, NOW),
        ({"timestamp": {"a": 1}}, NOW),
    ],
)
def test_a_change_is_as_old_as_its_message_says(times: dict[str, Any], at: int) -> None:
    assert only_change(read(message(**times))).body.at == at


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00.001Z", "9999-12-31", "2014-12-31", "0001-01-02", NOW + 1])
def test_a_time_that_cannot_be_is_that_of_the_arrival_and_counted(time: str | int) -> None:
    (acceptance,) = read(message(timestamp=time)).acceptances
    (stored,) = acceptance.changes
    assert decode(stored).body.at == NOW
    assert (acceptance.source, acceptance.clamped) == ("segment", 1)


def test_an_event_of_the_future_happened_when_it_was_accepted_and_is_counted_once() -> None:
    (acceptance,) = read(message("track", event="Seen", timestamp="2026-01-02T00:00:00Z")).acceptances
    event = decode(acceptance.changes[0])
    assert (event.body.at, json.loads(bytes(event.body.person))["time"]) == (NOW, "2026-01-01T00:00:00.000Z")
    assert acceptance.clamped == 1


def test_an_event_without_a_time_happened_when_it_was_accepted() -> None:
    event = only_change(read(message("track", event="Seen")))
    assert json.loads(bytes(event.body.person))["time"] == "2026-01-01T00:00:00.000Z"


def test_context_beside_a_batch_holds_for_its_messages_and_lies_under_theirs() -> None:
    batch = [{"type": "identify"}, {"type": "identify", "context": {"traits": {"email": "ben@example.com"}}}]
    found = changes(read({"batch": batch, "context": {"traits": TRAITS}}))["default/profile/profiles"]
    assert [json.loads(bytes(each.body.person))["email"] for each in found] == ["ann@example.com", "ben@example.com"]
