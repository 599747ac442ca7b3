"""What of Segment's messages is refused, what is kept as a dead letter, and what is recognised when it is repeated."""

from __future__ import annotations

import json
from typing import Any

import falcon
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.connections import Connection
from intake.http import limits
from intake.http.faults import TooMuch
from mappings.segment import settings
from queues.change import decode
from tests.support.segment import TRAITS, changes, dead, message, read

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={name: each | ANYTHING for name, each in fields.items()})


ADDRESSES = some(email=st.just("ann@example.com"), phone=st.text(max_size=6), products=st.lists(some(sku=ANYTHING)))
MESSAGES = some(
    type=st.sampled_from(["identify", "track", "group", "delete"]),
    messageId=st.text(max_size=6),
    userId=st.text(max_size=6),
    event=st.sampled_from(["Audience Entered", "Audience Exited", "Order Completed", "User Subscribed", "Else"]),
    traits=ADDRESSES,
    properties=ADDRESSES,
    context=some(traits=ADDRESSES, personas=some(computation_key=st.text(), external_audience_id=ANYTHING)),
    timestamp=st.sampled_from(["2026-01-01T00:00:00Z", "0001-01-01", "9999-12-31T23:59:59-23:00"]),
)


@given(st.lists(MESSAGES | ANYTHING, max_size=4))
def test_every_message_is_accepted_or_dead_or_unmapped_and_what_is_stored_can_be_read(batch: list[Any]) -> None:
    reading = read({"batch": batch})
    assert reading.accepted + reading.dead + reading.unmapped.total() == len(batch)
    stored = [change for each in reading.acceptances for change in each.changes]
    stored += [letter.change for each in reading.acceptances for letter in each.dead]
    for change in map(decode, stored):
        assert change.keys
        json.loads(bytes(change.body.person))


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ("5", ": Expected `object`, got `int`"),
        ("{}", ": Object missing required field `type`; it must be one of identify, track, group"),
        ('{"type":"Identify"}', ".type: Invalid enum value; it must be one of"),
        ('{"type":"identify","messageId":[]}', ".messageId: Expected `int | str | null`, got `array`"),
        ('{"type":"identify","messageId":"%s"}' % ("x" * 201), ".messageId: Expected `str` of length <= 200"),
        ('{"type":"identify","userId":"a","userId":"b"}', ".userId: appears twice"),
    ],
)
def test_a_message_that_cannot_be_read_is_dead_with_its_place_and_the_others_go_on(raw: str, where: str) -> None:
    reading = read(f'{{"batch":[{json.dumps(message())},{raw}]}}'.encode())
    assert (reading.accepted, reading.dead) == (1, 1)
    ((queue, reason, detail),) = dead(reading)
    assert (queue, reason) == ("default/audience/unreadable", "malformed")
    assert detail.startswith(f"$.batch[1]{where}")


def test_what_an_action_finds_wrong_is_dead_in_its_queue_with_what_was_meant() -> None:
    reading = read({"batch": [message("track", event="User Unsubscribed", traits={}, anonymousId="a-1")]})
    (consent, event) = reading.acceptances
    (letter,) = consent.dead
    assert (str(consent.queue), letter.reason) == ("default/consent/consents", "no_identifier")
    assert letter.detail.startswith("$.batch[0]: ")
    assert decode(letter.change).body.action == "unsubscribe"
    assert (len(event.changes), reading.accepted, reading.dead) == (1, 0, 1)


@pytest.mark.parametrize(
    ("list_id", "queue", "reason"),
    [("$.traits.nowhere", "unreadable", "list_unknown"), ("x" * 201, "unreadable", "malformed")],
)
def test_a_membership_without_a_usable_list_is_dead_as_an_update(list_id: str, queue: str, reason: str) -> None:
    adding = {"action": "add_profile_to_list", "trigger": 'type = "identify"', "list_id": list_id}
    reading = read(message(), Connection("default", actions=settings.read([adding])))
    ((found, why, _),) = dead(reading)
    assert (found, why) == (f"default/audience/{queue}", reason)
    assert decode(reading.acceptances[0].dead[0].change).body.action == "update"


def test_an_audience_with_too_long_a_name_is_dead() -> None:
    personas = {"computation_class": "audience", "computation_key": "k" * 256, "computation_id": "aud_1"}
    reading = read(message("track", event="Audience Exited", context={"personas": personas}))
    assert [(queue, reason) for queue, reason, _ in dead(reading)] == [("default/audience/aud_1", "malformed")]


def test_what_an_action_nests_too_deeply_is_dead() -> None:
    deep = json.loads("[" * (limits.NESTED - 3) + "]" * (limits.NESTED - 3))
    mapped = {"action": "upsert_profile", "fields": {"properties": {"a": {"b": {"c": "$.traits.deep"}}}}}
    connection = Connection("default", actions=settings.read([mapped]))
    assert [reason for _, reason, _ in dead(read(message(traits=TRAITS | {"deep": deep}), connection))] == ["malformed"]


def test_each_message_is_recognised_by_its_id_and_one_that_is_unreadable_by_its_bytes() -> None:
    batch = [message(), message(messageId="m-2"), message(messageId=None), message(messageId=7), {"messageId": "m-3"}]
    first, second = ([each.message for each in read({"batch": batch}).acceptances] for _ in range(2))
    assert first == second
    assert first[:4] == ["segment:m-1", "segment:m-2", "", "segment:7"]
    assert first[4].startswith("segment/unreadable:")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"[]", "$: Expected `object`, got `array`"),
        (b'{"batch":{}}', "$.batch: Expected `array`, got `object`"),
        (b'{"batch":[],"context":"x"}', "$.context: Expected `object`, got `str`"),
        (b'{"batch":[],"integrations":[]}', "$.integrations: Expected `object`, got `array`"),
        (b'{"batch":[],"batch":[]}', "$.batch: appears twice"),
        (b'{"batch":[{]}', "$: JSON is malformed"),
        (b'{"type":"identify","traits":{"a":NaN}}', "$: JSON is malformed"),
    ],
)
def test_a_request_that_is_not_of_this_form_is_refused_with_the_place(body: bytes, place: str) -> None:
    with pytest.raises(falcon.HTTPBadRequest) as fault:
        read(body)
    assert str(fault.value.description).startswith(place)


def test_what_one_request_makes_ferry_store_has_a_limit_for_all_its_messages_together() -> None:
    products = [{"sku": str(number)} for number in range(100)]
    properties = {"products": products, "note": "x" * 130_000}
    order = message("track", event="Order Completed", properties=properties)
    assert len(changes(read(order))["default/event/events"]) == 101
    with pytest.raises(TooMuch, match=r"20,971,520 bytes\. Nothing was accepted; send it in smaller parts"):
        read({"batch": [order, message(messageId="m-2"), order]})


def test_dead_letters_of_different_people_are_never_taken_for_one_person() -> None:
    personas = {"computation_key": "k" * 256, "computation_id": "aud_1"}
    entered = {"type": "track", "event": "Audience Entered", "context": {"personas": personas}}
    people = [entered | {"traits": {"email": f"{name}@example.com"}} for name in ("ann", "ben")]
    letters = [letter for posted in people for each in read(posted).acceptances for letter in each.dead]
    ann, ben = (decode(letter.change).keys for letter in letters)
    assert ann != ben
