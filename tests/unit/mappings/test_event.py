from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import Reason, Rejected
from mappings.event import MAX_METRIC, MAX_PROPERTIES, Event, to_event
from mappings.rules import Rules
from mappings.values import MAX_STRING_BYTES

ADA = {"email": "ada@example.com"}
RULES = Rules()


def event(**fields: Any) -> Event:
    return to_event(json.dumps({"metric": "Ordered", "profile": ADA, **fields}).encode(), RULES)


def attributes(**fields: Any) -> Any:
    return event(**fields).row["attributes"]["events"]["data"][0]["attributes"]


def refusal(**fields: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        event(**fields)
    return caught.value


def test_an_event_is_one_row_with_one_profile_and_one_event() -> None:
    found = event(
        properties={"key": "value", "list": [1, None]},
        time="2024-09-11T20:08:49.8919123123Z",
        value=10,
        unique_id="m-1",
        profile={"phone_number": "8448309222", "country_code": "IN"},
    )
    assert found.row == {
        "type": "event-bulk-create",
        "attributes": {
            "profile": {"data": {"type": "profile", "attributes": {"phone_number": "+918448309222"}}},
            "events": {
                "data": [
                    {
                        "type": "event",
                        "attributes": {
                            "metric": {"data": {"type": "metric", "attributes": {"name": "Ordered"}}},
                            "properties": {"key": "value", "list": [1, None]},
                            "time": "2024-09-11T20:08:49.891Z",
                            "value": 10,
                            "unique_id": "m-1",
                        },
                    }
                ]
            },
        },
    }


def person(row: dict[str, Any]) -> Any:
    return row["attributes"]["profile"]["data"]


def test_an_event_goes_under_one_identifier_or_under_klaviyos_own_id() -> None:
    known = {"anonymous_id": "an-1", "phone_number": "+12125560100", "external_id": "c-1"}
    found = event(profile={**known, "first_name": "Ada"}, user_id=" u-1 ")
    assert found.identifiers == known
    assert found.user_id == "u-1"
    assert person(found.row) == {"type": "profile", "attributes": {"external_id": "c-1", "first_name": "Ada"}}
    mail = found.under("email", "ada@example.com")
    assert person(mail) == {"type": "profile", "attributes": {"email": "ada@example.com", "first_name": "Ada"}}
    assert person(found.under("id", "01A")) == {"type": "profile", "id": "01A", "attributes": {"first_name": "Ada"}}
    assert mail["attributes"]["events"] == found.row["attributes"]["events"]


@pytest.mark.parametrize("fields", [{}, {"time": None, "value": None, "unique_id": None}, {"time": "", "value": ""}])
def test_what_is_not_given_is_left_out_and_properties_are_always_there(fields: dict[str, Any]) -> None:
    assert event(**fields).warnings == ()
    assert attributes(**fields).keys() == {"metric", "properties"}
    assert attributes(**fields)["properties"] == {}


@pytest.mark.parametrize(
    ("time", "iso"),
    [
        ("2024-07-22T20:08:49.79Z", "2024-07-22T20:08:49.790Z"),
        (1700000000, "2023-11-14T22:13:20.000Z"),
        ("1700000000000", "2023-11-14T22:13:20.000Z"),
        ("1991-01-01", "1991-01-01T00:00:00.000Z"),
    ],
)
def test_the_time_is_iso_with_milliseconds(time: object, iso: str) -> None:
    assert attributes(time=time)["time"] == iso


@pytest.mark.parametrize("time", ["yesterday", "1990-12-31T23:59:59.999Z", 0, True, {}])
def test_an_event_is_not_told_at_another_time_than_its_own(time: object) -> None:
    caught = refusal(time=time)
    assert (caught.reason, caught.field) == (Reason.TIME_INVALID, "time")


@pytest.mark.parametrize(
    ("value", "number"),
    [(10, 10), (9.99, 9.99), (-1, -1), (0, 0), ("0", 0), ("9.99", 9.99), (" 12 ", 12), ("-0.5", -0.5)],
)
def test_a_value_is_a_number_also_as_text(value: object, number: float) -> None:
    found = attributes(value=value)["value"]
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    "value", ["ten", "10 EUR", "1,000.00", "true", True, False, [1], {}, 2**70, float("nan"), float("inf")]
)
def test_a_value_that_is_no_number_is_left_out_and_reported(value: object) -> None:
    assert "value" not in attributes(value=value)
    assert event(value=value).warnings == (Reason.VALUE_INVALID,)


@pytest.mark.parametrize("currency", ["EUR", "eur", " Eur "])
def test_a_value_has_its_currency_in_upper_case(currency: str) -> None:
    assert attributes(value=9.5, value_currency=currency)["value_currency"] == "EUR"


@pytest.mark.parametrize("value", [None, "", "ten"])
def test_without_a_value_there_is_no_currency(value: object) -> None:
    assert "value_currency" not in attributes(value=value, value_currency="EUR")


@pytest.mark.parametrize("currency", ["euro", "EU", "€", "E R", "ZZZ", "xyz", 978, True, ["EUR"], {}])
def test_what_is_no_currency_is_left_out_and_reported(currency: object) -> None:
    found = event(value=9.5, value_currency=currency)
    assert ("value_currency" in found.told, found.told["value"]) == (False, 9.5)
    assert found.warnings == (Reason.CURRENCY_INVALID,)


@pytest.mark.parametrize(("unique_id", "text"), [("m-1", "m-1"), (" m-1 ", "m-1"), (4711, "4711")])
def test_a_unique_id_is_text(unique_id: object, text: str) -> None:
    assert attributes(unique_id=unique_id)["unique_id"] == text


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"metric": None}, Reason.METRIC_MISSING, "metric"),
        ({"metric": "  "}, Reason.METRIC_MISSING, "metric"),
        ({"metric": ["Ordered"]}, Reason.METRIC_MISSING, "metric"),
        ({"metric": "x" * (MAX_METRIC + 1)}, Reason.METRIC_TOO_LONG, "metric"),
        ({"properties": "a=1"}, Reason.PROPERTIES_INVALID, "properties"),
        ({"properties": [1]}, Reason.PROPERTIES_INVALID, "properties"),
        ({"properties": dict.fromkeys(map(str, range(MAX_PROPERTIES + 1)))}, Reason.PROPERTIES_TOO_MANY, "properties"),
        ({"properties": {"a": "x" * (MAX_STRING_BYTES + 1)}}, Reason.ATTRIBUTE_TOO_LARGE, "properties"),
        ({"properties": {"a": [{"b": "ü" * 50_001}]}}, Reason.ATTRIBUTE_TOO_LARGE, "properties"),
        ({"properties": {"x" * (MAX_STRING_BYTES + 1): 1}}, Reason.ATTRIBUTE_TOO_LARGE, "properties"),
        ({"unique_id": "x" * (MAX_STRING_BYTES + 1)}, Reason.ATTRIBUTE_TOO_LARGE, "unique_id"),
        ({"unique_id": ["m-1"]}, Reason.UNIQUE_ID_INVALID, "unique_id"),
        ({"profile": None}, Reason.FRAGMENT_UNREADABLE, "profile"),
        ({"profile": {}}, Reason.NO_IDENTIFIER, None),
    ],
)
def test_what_klaviyo_would_refuse_is_rejected_and_the_field_named(
    fields: dict[str, Any], reason: Reason, field: str | None
) -> None:
    caught = refusal(**fields)
    assert (caught.reason, caught.field) == (reason, field)


def test_the_largest_texts_are_taken() -> None:
    text = "x" * MAX_STRING_BYTES
    assert attributes(properties={"a": text}, unique_id=text, metric="x" * MAX_METRIC)["properties"] == {"a": text}
    assert len(attributes(properties=dict.fromkeys(map(str, range(MAX_PROPERTIES))))["properties"]) == MAX_PROPERTIES


def test_a_property_that_json_cannot_carry_is_left_out_and_reported_once() -> None:
    found = event(properties={"a": 2**70, "b": float("nan"), "c": [float("inf")], "d": 1})
    assert found.row["attributes"]["events"]["data"][0]["attributes"]["properties"] == {"d": 1}
    assert found.warnings == (Reason.ATTRIBUTE_UNSUPPORTED,)


def test_nobody_is_seen_in_a_representation_or_a_reason() -> None:
    assert "example.com" not in repr(event())
    assert "ada" not in str(refusal(profile={"email": "ada"}))


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=()))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)
_PROFILES = st.dictionaries(
    st.sampled_from(["email", "phone_number", "country_code", "external_id", "anonymous_id", "plan", "city", "$a"]),
    _JSON,
)
_FRAGMENTS = st.fixed_dictionaries(
    {"metric": st.one_of(st.just("Ordered"), _JSON), "profile": st.one_of(_PROFILES, _PROFILES.map(lambda p: p | ADA))},
    optional=dict.fromkeys(["properties", "time", "value", "unique_id"], _JSON),
)


@given(st.one_of(st.binary(), _FRAGMENTS.map(lambda fields: json.dumps(fields).encode())))
def test_nothing_but_rejected_is_raised_and_every_row_is_json_with_somebody_in_it(fragment: bytes) -> None:
    try:
        found = to_event(fragment, RULES)
    except Rejected:
        return
    assert orjson.loads(orjson.dumps(found.row)) == found.row
    profile = found.row["attributes"]["profile"]["data"]["attributes"]
    assert profile.keys() & {"email", "phone_number", "external_id", "anonymous_id"}
    assert len(set(found.warnings)) == len(found.warnings)


@given(st.dictionaries(st.text(max_size=5), _JSON, max_size=5), st.one_of(st.none(), _JSON))
def test_no_property_or_value_costs_an_event(properties: dict[str, Any], value: object) -> None:
    assert attributes(properties=properties, value=value)["metric"]["data"]["attributes"]["name"] == "Ordered"
