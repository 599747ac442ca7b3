from __future__ import annotations

from typing import Any

import pytest

from emulator import currencies
from emulator.contract import DOCUMENTED, REVISED
from mappings import currencies as known_to_ferry
from tests.support.emulator_api import entry, event, events_body, row
from tests.support.emulator_bodies import pointers

SINGLE = "POST /api/events"
BULK = "POST /api/event-bulk-create-jobs"
ENTRY = "/attributes/events-bulk-create/data/0/attributes"
ADA = row(email="a@example.com")


def where(attributes: dict[str, Any]) -> list[str]:
    """Where there are problems in the attributes of an event in bulk."""
    start = f"{ENTRY}/events/data/0/attributes/"
    return [
        pointer.removeprefix(start) for pointer in pointers(BULK, events_body(entry(ADA, event(**attributes)))["data"])
    ]


def alone(profile: object, **more: Any) -> list[str]:
    """Where there are problems in a single event with this profile."""
    return pointers(SINGLE, event(profile={"data": profile}), **more)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"time": "2022-11-08T00:00:00+00:00", "value": 9.99, "value_currency": "USD", "unique_id": "x"},
        {"time": "2022-11-08T00:00:00.123Z", "value": 3, "backfill": True},
        {"time": None, "value": None, "value_currency": None, "unique_id": None, "backfill": None},
        {"properties": {"list": [{"a": 1}], "nothing": None, "text": "x" * 100_000}},
        {"properties": {f"p{n}": n for n in range(400)}},
        {"time": "1991-01-01T00:00:00Z"},
        {"time": "2028-01-10T00:00:00Z"},
    ],
)
def test_a_good_event_has_no_problems(attributes: dict[str, Any]) -> None:
    assert where(attributes) == []


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"properties": None}, "properties"),
        ({"properties": []}, "properties"),
        ({"properties": {f"p{n}": n for n in range(401)}}, "properties"),
        ({"properties": {"essay": "x" * 100_001}}, "properties/essay"),
        ({"properties": {"essay": ["é" * 50_001]}}, "properties/essay"),
        ({"properties": {"essays": {"first": "x" * 100_001}}}, "properties/essays"),
        ({"properties": {"deep": [[[[[[[[[[[]]]]]]]]]]]}}, "properties/deep"),
        ({"properties": {"wide": [0] * 4_001}}, "properties/wide"),
        ({"time": "yesterday"}, "time"),
        ({"time": 1_700_000_000}, "time"),
        ({"time": "1990-12-31T23:59:59Z"}, "time"),
        ({"time": "2028-02-01T00:00:00Z"}, "time"),
        ({"value": "9.99"}, "value"),
        ({"value": True}, "value"),
        ({"value_currency": "dollars"}, "value_currency"),
        ({"value_currency": "ZZZ"}, "value_currency"),
        ({"unique_id": 7}, "unique_id"),
        ({"unique_id": "x" * 100_001}, "unique_id"),
        ({"backfill": "yes"}, "backfill"),
        ({"colour": "red"}, "colour"),
        ({"profile": {"data": ADA}}, "profile"),
        ({"metric": None}, "metric"),
        ({"metric": {}}, "metric/data"),
        ({"metric": {"data": {"type": "metric"}}}, "metric/data/attributes"),
        ({"metric": {"data": {"type": "metric", "attributes": {}}}}, "metric/data/attributes/name"),
        ({"metric": {"data": {"type": "metric", "attributes": {"name": ""}}}}, "metric/data/attributes/name"),
        ({"metric": {"data": {"type": "metric", "attributes": {"name": "x" * 128}}}}, "metric/data/attributes/name"),
        ({"metric": {"data": {"type": "metric", "attributes": {"name": "x", "id": 1}}}}, "metric/data/attributes/id"),
    ],
)
def test_a_bad_attribute_is_named_by_its_pointer(attributes: dict[str, Any], pointer: str) -> None:
    assert where(attributes) == [pointer]


@pytest.mark.parametrize(
    ("something", "found"),
    [([], [""]), ("x", [""]), ({"type": "event"}, ["/attributes"]), ({"attributes": {}, "type": "metric"}, ["/type"])],
)
def test_a_body_of_another_form_is_refused_at_its_place(something: object, found: list[str]) -> None:
    assert [each for each in pointers(SINGLE, something) if not each.startswith("/attributes/")] == found


@pytest.mark.parametrize("identifier", ["email", "phone_number", "external_id", "_kx", "anonymous_id"])
def test_a_single_event_brings_its_profile_by_any_identifier(identifier: str) -> None:
    value = {"email": "a@example.com", "phone_number": "+12025550123"}.get(identifier, "x")
    assert alone(row(**{identifier: value})) == []


@pytest.mark.parametrize(
    ("profile", "pointer"),
    [
        (None, ""),
        (row(), "/attributes"),
        (row(email="nope"), "/attributes/email"),
        (row(email="a@example.com", colour="red"), "/attributes/colour"),
        (row(email="a@example.com", properties={"essay": "x" * 100_000}), ""),
    ],
)
def test_a_bad_profile_beside_an_event_is_named_by_its_pointer(profile: object, pointer: str) -> None:
    assert alone(profile) == [f"/attributes/profile/data{pointer}"]


def test_meta_moves_from_the_attributes_of_the_profile_to_beside_them() -> None:
    meta = {"patch_properties": {"unset": "old"}}
    inside, beside = row(email="a@example.com", meta=meta), {**ADA, "meta": meta}
    assert (alone(inside, revision=DOCUMENTED), alone(beside, revision=REVISED)) == ([], [])
    assert alone(inside, revision=REVISED) == ["/attributes/profile/data/attributes/meta"]
    assert alone(beside, revision=DOCUMENTED) == ["/attributes/profile/data/meta"]
    for revision in (DOCUMENTED, REVISED):
        assert pointers(BULK, events_body(entry(beside, event()))["data"], revision=revision) == []


def test_every_currency_that_ferry_sends_is_taken() -> None:
    assert known_to_ferry.CURRENCIES == currencies.CURRENCIES
    assert {len(code) for code in currencies.CURRENCIES} == {3}
