from __future__ import annotations

from typing import Any

import pytest

from emulator import event_rows
from tests.support.emulator_api import event, row

NOW = 1_800_000_000.0


def where(something: object, *, alone: bool = False) -> list[str]:
    return [problem.pointer for problem in event_rows.problems(something, "", NOW, alone=alone)]


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
    assert where(event(**attributes)) == []


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
        ({"unique_id": 7}, "unique_id"),
        ({"unique_id": "x" * 100_001}, "unique_id"),
        ({"backfill": "yes"}, "backfill"),
        ({"colour": "red"}, "colour"),
        ({"profile": {"data": row(email="a@example.com")}}, "profile"),
        ({"metric": None}, "metric"),
        ({"metric": {}}, "metric/data"),
        ({"metric": {"data": {"type": "metric"}}}, "metric/data"),
        ({"metric": {"data": {"type": "metric", "attributes": {}}}}, "metric/data/attributes/name"),
        ({"metric": {"data": {"type": "metric", "attributes": {"name": ""}}}}, "metric/data/attributes/name"),
        ({"metric": {"data": {"type": "metric", "attributes": {"name": "x" * 128}}}}, "metric/data/attributes/name"),
        ({"metric": {"data": {"type": "metric", "attributes": {"name": "x", "id": 1}}}}, "metric/data/attributes/id"),
    ],
)
def test_a_bad_attribute_is_named_by_its_pointer(attributes: dict[str, Any], pointer: str) -> None:
    assert where(event(**attributes)) == [f"/attributes/{pointer}"]


@pytest.mark.parametrize("something", [None, [], "x", {"type": "metric", "attributes": {}}, {"type": "event"}])
def test_what_is_no_event_at_all_is_refused_as_a_whole(something: object) -> None:
    assert where(something) == [""]


@pytest.mark.parametrize("identifier", ["email", "phone_number", "external_id", "_kx", "anonymous_id"])
def test_a_single_event_brings_its_profile_by_any_identifier(identifier: str) -> None:
    value = {"email": "a@example.com", "phone_number": "+12025550123"}.get(identifier, "x")
    assert where(event(profile={"data": row(**{identifier: value})}), alone=True) == []


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
    assert where(event(profile={"data": profile}), alone=True) == [f"/attributes/profile/data{pointer}"]


@pytest.mark.parametrize("inside", [True, False])
def test_meta_may_stand_beside_the_attributes_of_the_profile_or_among_them(inside: bool) -> None:
    meta = {"patch_properties": {"unset": "old"}}
    person = row(email="a@example.com", **({"meta": meta} if inside else {}))
    if not inside:
        person["meta"] = meta
    assert where(event(profile={"data": person}), alone=True) == []
    assert event_rows.person_of({"profile": {"data": person}}) == {**row(email="a@example.com"), "meta": meta}
