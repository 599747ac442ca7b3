"""From Segment's POST to Klaviyo in bulk: one request for a batch, whatever the action, and one row for a person."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.support.emulator_api import EVENTS, IMPORTS, SUBSCRIBE, UNSUBSCRIBE
from tests.support.segment_world import SegmentWorld


def identify(address: str, **traits: Any) -> dict[str, Any]:
    return {"type": "identify", "traits": {"email": address, **traits}}


def track(event: str, address: str, **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "traits": {"email": address}, **more}


def written(segment: SegmentWorld) -> Counter[str]:
    """How many requests of each kind changed something at Klaviyo."""
    return Counter(request["path"].rstrip("/") for request in segment.requests() if request["method"] != "GET")


def addresses(count: int) -> list[str]:
    return [f"p{number}@example.com" for number in range(count)]


def test_300_profiles_are_one_import(segment: SegmentWorld) -> None:
    segment.send(*map(identify, addresses(300)), connection="own")
    assert written(segment) == {IMPORTS: 1}
    assert len(segment.account.profiles.by_id) == 300


def test_300_entries_into_an_audience_are_one_import_onto_its_list(segment: SegmentWorld) -> None:
    list_id = segment.put_list("News")
    context = {"personas": {"external_audience_id": list_id}}
    segment.send(*(track("Audience Entered", each, context=context) for each in addresses(300)), connection="own")
    assert written(segment) == {IMPORTS: 1}
    segment.send(*(track("Audience Exited", each, context=context) for each in addresses(300)), connection="own")
    assert written(segment) == {IMPORTS: 1, f"/api/lists/{list_id}/relationships/profiles": 1}
    assert segment.members("News") == set()


def test_300_events_are_one_request_and_so_are_100_orders_with_two_products_each(segment: SegmentWorld) -> None:
    segment.send(*(track("Seen", each) for each in addresses(300)), connection="own")
    assert written(segment) == {EVENTS: 1}
    products = {"products": [{"sku": "a"}, {"sku": "b"}]}
    segment.send(*(track("Order Completed", each, properties=products) for each in addresses(100)), connection="own")
    assert written(segment) == {EVENTS: 2}
    assert len(segment.events()) == 600


def test_300_subscriptions_are_one_request_and_unsubscribes_go_a_hundred_at_a_time(segment: SegmentWorld) -> None:
    about = {"properties": {"list": segment.put_list("News")}}
    segment.send(*(track("User Subscribed", each, **about) for each in addresses(300)), connection="own")
    assert written(segment) == {SUBSCRIBE: 1}
    segment.send(*(track("User Unsubscribed", each, **about) for each in addresses(300)), connection="own")
    assert written(segment) == {SUBSCRIBE: 1, UNSUBSCRIBE: 3}
    assert segment.members("News") == set()


def test_several_profiles_of_one_person_are_one_row_with_the_newest_of_each_attribute(segment: SegmentWorld) -> None:
    told = ({"firstName": "Ann"}, {"lastName": "Lee"}, {"firstName": "Anna"})
    segment.send(*(identify("ann@example.com", **traits) for traits in told), connection="own")
    (request,) = segment.requests(IMPORTS, "POST")
    (row,) = request["body"]["data"]["attributes"]["profiles"]["data"]
    assert row["attributes"] == {"email": "ann@example.com", "first_name": "Anna", "last_name": "Lee"}


def test_a_bad_person_of_a_large_batch_costs_only_themselves(segment: SegmentWorld) -> None:
    segment.fault("400", IMPORTS, times=100, body='"p77@example.com"')
    segment.send(*map(identify, addresses(300)), connection="own")
    assert segment.reasons() == {"invalid": 1}
    assert len(segment.account.profiles.by_id) == 299
    assert segment.person("p77@example.com") is None
