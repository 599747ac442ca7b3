from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mappings.event import to_event
from mappings.rules import Rules
from mappings.segment.changes import route
from mappings.segment.routed import Routed
from mappings.segment.settings import DEFAULTS, read

_BASE = {
    "type": "track",
    "event": "Clicked",
    "messageId": "m-1",
    "userId": "u-1",
    "anonymousId": "device",
    "timestamp": "2026-01-02T03:04:05.678Z",
}


def _one(message: dict[str, Any], **fields: Any) -> Routed:
    (routed,) = route(_BASE | message, read([{"action": "track_event", "fields": fields}]))
    return routed


def _order(properties: dict[str, Any], **message: Any) -> list[Routed]:
    return list(route(_BASE | {"event": "Order Completed", "properties": properties} | message, DEFAULTS))


def test_an_event_is_mapped_by_segments_defaults() -> None:
    assert _one({"properties": {"page": 1}}).fields == {
        "metric": "Clicked",
        "properties": {"page": 1},
        "time": "2026-01-02T03:04:05.678Z",
        "unique_id": "m-1",
        "profile": {"external_id": "u-1", "anonymous_id": "device"},
    }


@pytest.mark.parametrize(
    "message",
    [
        {"context": {"traits": {"email": "a@b.cc"}}, "traits": {"email": "x@b.cc"}},
        {"traits": {"email": "a@b.cc"}, "properties": {"email": "x@b.cc"}},
        {"properties": {"email": "a@b.cc"}},
    ],
)
def test_the_email_of_an_event_is_found_wherever_the_message_has_it(message: dict[str, Any]) -> None:
    assert _one(message).fields["profile"]["email"] == "a@b.cc"


@pytest.mark.parametrize(
    ("message", "time"),
    [
        ({"timestamp": "2024-09-11T20:08:49.8919123123Z"}, "2024-09-11T20:08:49.891Z"),
        ({"timestamp": 1_700_000_000}, "2023-11-14T22:13:20.000Z"),
        ({"timestamp": "yesterday"}, "yesterday"),
    ],
)
def test_the_time_of_an_event_is_fixed(message: dict[str, Any], time: str) -> None:
    assert _one(message).fields["time"] == time


def test_a_mapped_time_wins_and_where_it_is_missing_the_message_s_own_stands_in() -> None:
    ordered = "$.properties.ordered"
    assert _one({"properties": {"ordered": "2020-01-01"}}, time=ordered).fields["time"] == "2020-01-01T00:00:00.000Z"
    assert _one({}, time=ordered).fields["time"] == "2026-01-02T03:04:05.678Z"


@pytest.mark.parametrize(
    ("properties", "value"),
    [
        ({"revenue": 1, "total": 2, "value": 3}, 1),
        ({"total": "2.5", "value": 3}, "2.5"),
        ({"value": 0}, 0),
        ({"revenue": "", "value": 3}, 3),
        ({}, None),
    ],
)
def test_the_value_is_the_revenue_else_the_total_else_the_value(properties: dict[str, Any], value: Any) -> None:
    assert _one({"properties": properties}).fields.get("value") == value


def test_an_event_of_nobody_is_dead_on_arrival() -> None:
    routed = _one({"userId": None, "anonymousId": ""})
    assert (routed.reason, routed.identities) == ("no_identifier", ())


def test_a_profile_that_is_no_object_is_dead_on_arrival() -> None:
    assert _one({"who": "ann"}, profile="$.who").reason == "no_identifier"


def test_a_device_tells_persons_apart_only_when_nothing_else_does() -> None:
    assert _one({}).identities == (("external_id", "u-1"), ("user_id", "u-1"))
    assert _one({"userId": None}).identities == (("anonymous_id", "device"),)


def test_each_product_is_an_event_with_the_orders_properties_under_its_own_and_no_value() -> None:
    products = [{"product_id": "p1", "name": "Shoe"}, {"sku": "s2"}]
    order, *lines = _order({"order_id": "o-1", "revenue": 30, "name": "order", "products": products})
    assert order.fields["metric"] == "Order Completed"
    assert (order.fields["unique_id"], order.fields["value"]) == ("m-1", 30)
    assert order.fields["properties"]["products"] == products
    assert [line.fields["metric"] for line in lines] == ["Ordered Product"] * 2
    shared = {"order_id": "o-1", "revenue": 30}
    assert [line.fields["properties"] for line in lines] == [
        shared | {"name": "Shoe", "product_id": "p1"},
        shared | {"name": "order", "sku": "s2"},
    ]
    for line in lines:
        assert "value" not in line.fields
        assert line.identities == order.identities
        assert (line.fields["time"], line.fields["profile"]) == (order.fields["time"], order.fields["profile"])


@pytest.mark.parametrize(
    ("order", "message", "base"),
    [
        ({"order_id": "o-1"}, {}, "o-1"),
        ({"orderId": 7}, {}, "7"),
        ({}, {}, "m-1"),
        ({}, {"messageId": None}, "2026-01-02T03:04:05.678Z"),
    ],
)
def test_the_id_of_a_product_is_the_same_each_time(order: dict[str, Any], message: dict[str, Any], base: str) -> None:
    products = [{"product_id": "p1"}, {"sku": 5}, {}, {"product_id": "p1"}]
    ids = [routed.fields["unique_id"] for routed in _order(order | {"products": products}, **message)[1:]]
    assert ids == [f"{base}:p1", f"{base}:5", f"{base}:2", f"{base}:p1:2"]


def test_a_product_that_is_no_object_is_dead_on_arrival_and_the_others_go_on() -> None:
    order, wrong, right = _order({"products": ["p0", {"product_id": "p1"}]})
    assert (order.reason, right.reason) == (None, None)
    assert wrong.reason == "properties_invalid"
    assert wrong.detail == "products[0] is not a JSON object; send each product as one, with its product_id"


def test_more_products_than_klaviyo_takes_are_one_dead_letter_that_says_so() -> None:
    order, excess = _order({"products": [{}] * 4_001})
    assert order.reason is None
    assert (excess.reason, excess.detail) == ("properties_too_many", "products has 4001 entries; Klaviyo takes 4000")


@pytest.mark.parametrize("products", [None, {}, "p1", 3])
def test_products_that_are_no_list_are_none(products: Any) -> None:
    assert len(_order({"products": products})) == 1


_KEYS = st.sampled_from(["p1", "p1:2", "2", 2, None, ""])
_PRODUCTS = st.lists(st.fixed_dictionaries({}, optional={"product_id": _KEYS, "sku": _KEYS}), max_size=8)


@given(_PRODUCTS)
@example([{"sku": "p1"}, {"sku": "p1"}, {"sku": "p1:2"}])
def test_no_two_products_of_an_order_share_an_id(products: list[dict[str, Any]]) -> None:
    ids = [routed.fields["unique_id"] for routed in _order({"products": products})]
    assert len(set(ids)) == len(products) + 1


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["traits", "email", "personas", "computation_key", "products"]), inner, max_size=3
        ),
    ),
    max_leaves=10,
)
_FIELDS = ["userId", "anonymousId", "messageId", "timestamp", "traits", "properties", "context", "integrations"]
_EVENTS = st.sampled_from(["Order Completed", "Audience Entered", "Audience Exited", "User Subscribed", "x", None])
_ALL = read(
    [
        *({"action": action.name, "list_id": "$.traits.email"} for action in DEFAULTS if action.kind != "event"),
        *({"action": action.name, "trigger": "type != 1"} for action in DEFAULTS),
        {"action": "upsert_profile", "traits_as_properties": True, "user_id_as_external_id": True},
        {"action": "track_event", "trigger": "type != 1", "fields": {"profile": "$.traits"}},
    ]
)


@given(st.sampled_from(["identify", "track"]), _EVENTS, st.dictionaries(st.sampled_from(_FIELDS), _JSON))
def test_no_message_at_all_makes_routing_fail(kind: str, event: str | None, message: dict[str, Any]) -> None:
    for routed in route({"type": kind, "event": event} | message, _ALL):
        orjson.dumps(routed.fields)
        assert routed.reason or routed.identities
        assert routed.reason or routed.kind != "audience" or routed.audience_id


def test_what_is_routed_is_what_klaviyos_events_are_made_of() -> None:
    for routed in _order({"order_id": "o-1", "email": "a@b.cc", "products": [{"product_id": "p1"}]}):
        row = to_event(orjson.dumps(routed.fields), Rules()).row
        assert row["attributes"]["profile"]["data"]["attributes"]["email"] == "a@b.cc"
