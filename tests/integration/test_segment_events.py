"""From Segment's POST to the events at Klaviyo: every event once, at its own time, whatever becomes of the others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.emulator_api import EVENTS
from tests.support.segment_world import SegmentWorld

ANN = {"context": {"traits": {"email": "ann@example.com"}}}


def seen(**more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Seen", **ANN, **more}


def order(products: int = 3, **more: Any) -> dict[str, Any]:
    lines = [{"product_id": f"p-{n}", "price": n} for n in range(products)]
    properties = {"order_id": "o-1", "revenue": 10, "products": lines}
    return {"type": "track", "event": "Order Completed", "properties": properties, **ANN, **more}


def unique_ids(segment: SegmentWorld, metric: str | None = None) -> list[str]:
    return [event["unique_id"] for event in segment.events(metric)]


@pytest.mark.parametrize("time", [1_700_000_000, "1700000000", 1_700_000_000_000, "2023-11-14T22:13:20.999999Z"])
def test_a_time_in_seconds_or_milliseconds_is_the_time_that_was_meant(segment: SegmentWorld, time: Any) -> None:
    segment.send(seen(timestamp=time))
    assert [event["time"] for event in segment.events()] == ["2023-11-14T22:13:20+00:00"]


def test_a_time_that_is_none_costs_its_event_only(segment: SegmentWorld) -> None:
    segment.send(seen(messageId="e-1"), seen(messageId="e-2", timestamp="yesterday"))
    assert unique_ids(segment) == ["e-1"]
    assert segment.reasons() == {"time_invalid": 1}


def test_an_event_of_the_future_is_recorded_as_of_now_and_the_rest_beside_it(segment: SegmentWorld) -> None:
    messages = [seen(messageId=f"e-{n}") for n in range(20)]
    messages[7]["timestamp"] = "2099-01-01T00:00:00Z"
    segment.send(*messages)
    assert sorted(unique_ids(segment)) == sorted(f"e-{n}" for n in range(20))
    assert segment.reasons() == {}
    assert [request["status"] for request in segment.requests(EVENTS)] == [202]


def test_an_event_that_klaviyo_refuses_without_naming_it_is_found(segment: SegmentWorld) -> None:
    segment.fault("400", EVENTS, times=20, body='"e-7"')
    segment.send(*(seen(messageId=f"e-{n}") for n in range(20)))
    assert unique_ids(segment) == [f"e-{n}" for n in range(20) if n != 7]
    assert segment.reasons() == {"invalid": 1}


def test_an_order_told_again_is_recorded_once_and_its_products_even_under_another_id(segment: SegmentWorld) -> None:
    segment.send(order(messageId="m-1"))
    segment.send(order(messageId="m-1"))
    segment.redis.flushall()  # so long ago that nobody but Klaviyo remembers
    segment.send(order(messageId="m-1"))
    assert unique_ids(segment, "Order Completed") == ["m-1"]
    segment.send(order(messageId="m-2"))
    assert unique_ids(segment, "Ordered Product") == ["o-1:p-0", "o-1:p-1", "o-1:p-2"]
    assert [event["value"] for event in segment.events()] == [10, None, None, None, 10]


@pytest.mark.parametrize("fault", ["500", "503_html", "403_html", "429", "reset", "lost_response"])
def test_products_are_not_counted_twice_when_the_second_request_of_an_order_fails(
    segment: SegmentWorld, fault: str
) -> None:
    segment.fault(fault, EVENTS, body='"o-1:p-1099"', times=2)
    segment.send(order(1_100, messageId="m-1"), connection="own")
    assert unique_ids(segment, "Order Completed") == ["m-1"]
    assert unique_ids(segment, "Ordered Product") == [f"o-1:p-{n}" for n in range(1_100)]
    first = [request for request in segment.requests(EVENTS) if request["status"] == 202 and not request["fault"]]
    assert len(first) == 2
    assert not segment.letters()
