"""Which events go into one request."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from klaviyo.calls import MAX_ROW_BYTES
from klaviyo.events import MAX_EVENTS
from worker.events.kind import Row, portions


def row(metric: str, unique_id: str, padding: int = 0) -> Row:
    event: dict[str, Any] = {
        "metric": {"data": {"type": "metric", "attributes": {"name": metric}}},
        "properties": {"p": "x" * padding},
        "unique_id": unique_id,
    }
    attributes = {"profile": {"data": {}}, "events": {"data": [{"type": "event", "attributes": event}]}}
    whole = {"type": "event-bulk-create", "attributes": attributes}
    return whole, orjson.dumps(whole)


def numbered(rows: list[Row]) -> dict[int, Row]:
    return dict(enumerate(rows))


NAMES = st.tuples(st.sampled_from(["Viewed", "Bought"]), st.sampled_from("1234"))


@given(st.lists(NAMES, max_size=60))
def test_every_event_goes_once_and_in_order_and_no_request_has_one_twice(names: list[tuple[str, str]]) -> None:
    found = [list(portion) for portion in portions(numbered([row(*name) for name in names]))]
    assert [index for portion in found for index in portion] == list(range(len(names)))
    for portion in found:
        assert portion
        assert len({names[index] for index in portion}) == len(portion)


def test_a_request_holds_as_many_events_as_klaviyo_takes() -> None:
    rows = numbered([row("Viewed", str(number)) for number in range(2 * MAX_EVENTS + 1)])
    assert [len(portion) for portion in portions(rows)] == [MAX_EVENTS, MAX_EVENTS, 1]


def test_a_request_holds_as_many_bytes_as_klaviyo_takes() -> None:
    rows = numbered([row("Viewed", str(number), padding=1_000_000) for number in range(9)])
    found = list(portions(rows))
    assert [len(portion) for portion in found] == [4, 4, 1]
    assert all(sum(len(rows[index][1]) for index in portion) < MAX_ROW_BYTES for portion in found)


def test_one_id_of_two_metrics_is_two_events() -> None:
    assert len(list(portions(numbered([row("Viewed", "1"), row("Bought", "1")])))) == 1
