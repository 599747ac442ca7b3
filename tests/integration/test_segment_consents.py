"""From Segment's POST to the consents at Klaviyo: each person's own, none lost, and none taken by accident."""

from __future__ import annotations

from typing import Any

import pytest

from queues.clock import now_ms
from scheduler.tick import take_due
from tests.support.emulator_api import SUBSCRIBE, UNSUBSCRIBE
from tests.support.segment_world import SegmentWorld


def consent(event: str, traits: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "context": {"traits": traits}, "properties": properties}


def subscribed(address: str, **properties: Any) -> dict[str, Any]:
    return consent("User Subscribed", {"email": address}, **properties)


def unsubscribed(address: str, **properties: Any) -> dict[str, Any]:
    return consent("User Unsubscribed", {"email": address}, **properties)


def marketing(segment: SegmentWorld, address: str) -> dict[str, Any]:
    person = segment.person(address)
    assert person is not None
    found: dict[str, Any] = person["subscriptions"]["email"]["marketing"]
    return found


def test_an_unsubscribe_of_nobody_that_can_be_reached_is_reported_one_by_one(segment: SegmentWorld) -> None:
    unusable: tuple[dict[str, str], ...] = ({"phone": "701271"}, {"phone": "unknown"}, {"email": "no address"}, {})
    segment.send(*(consent("User Unsubscribed", traits) for traits in unusable), connection="own")
    assert segment.reasons() == {"phone_invalid": 2, "email_invalid": 1, "no_identifier": 1}
    assert segment.requests(UNSUBSCRIBE) == []


def test_a_subscription_that_cannot_be_used_is_reported_and_costs_only_itself(segment: SegmentWorld) -> None:
    list_id = segment.create_list("News")
    wrong = consent("User Subscribed", {"phone": "701271"}, list=list_id)
    segment.send(
        subscribed("a@example.com", list=list_id), wrong, subscribed("b@example.com", list=list_id), connection="own"
    )
    assert segment.members("News") == {"a@example.com", "b@example.com"}
    assert segment.reasons() == {"phone_invalid": 1}


def test_a_wrong_phone_costs_a_subscription_its_sms_only(segment: SegmentWorld) -> None:
    list_id = segment.create_list("News")
    both = consent("User Subscribed", {"email": "ann@example.com", "phone": "701271"}, list=list_id)
    segment.send(both, connection="own")
    assert marketing(segment, "ann@example.com")["consent"] == "SUBSCRIBED"
    assert not segment.letters()


def test_list_1_with_source_23_is_not_list_12_with_source_3(segment: SegmentWorld) -> None:
    first, second = segment.put_list("1"), segment.put_list("12")
    segment.send(
        subscribed("a@example.com", list=first, source="23"),
        subscribed("b@example.com", list=second, source="3"),
        connection="own",
    )
    assert (segment.members("1"), segment.members("12")) == ({"a@example.com"}, {"b@example.com"})
    sources = [marketing(segment, address)["custom_method_detail"] for address in ("a@example.com", "b@example.com")]
    assert sources == ["23", "3"]


def test_a_batch_may_be_about_any_number_of_lists(segment: SegmentWorld) -> None:
    lists = {f"News {n}": segment.create_list(f"News {n}") for n in range(12)}
    segment.send(
        *(subscribed(f"p{n}@example.com", list=list_id) for n, list_id in enumerate(lists.values())), connection="own"
    )
    assert [segment.members(name) for name in lists] == [{f"p{n}@example.com"} for n in range(12)]


def test_a_historical_consent_does_not_date_the_others_of_its_batch(segment: SegmentWorld) -> None:
    list_id = segment.create_list("News")
    segment.send(
        subscribed("then@example.com", list=list_id, historical=True, since="2024-04-01T18:37:06Z"),
        subscribed("now@example.com", list=list_id),
        connection="own",
    )
    assert marketing(segment, "then@example.com")["consent_timestamp"] == "2024-04-01T18:37:06+00:00"
    assert marketing(segment, "now@example.com")["consent_timestamp"] > "2026"


def test_a_historical_consent_that_does_not_say_since_when_is_reported_and_not_sent(segment: SegmentWorld) -> None:
    list_id = segment.create_list("News")
    segment.send(subscribed("ann@example.com", list=list_id, historical=True), connection="own")
    assert segment.reasons() == {"time_invalid": 1}
    assert segment.requests(SUBSCRIBE) == []


def test_members_with_signs_of_urls_in_their_address_are_unsubscribed_and_nobody_else_is(segment: SegmentWorld) -> None:
    odd = ("ann+news@example.com", "a&b#c%2B=d@example.com")
    list_id, other = segment.create_list("News"), segment.create_list("Other")
    segment.send(*(subscribed(address, list=list_id) for address in (*odd, "stays@example.com")), connection="own")
    segment.send(subscribed("elsewhere@example.com", list=other), connection="own")
    left = [unsubscribed(address, list=list_id) for address in (*odd, "elsewhere@example.com")]
    segment.send(*left, connection="own")
    assert segment.members("News") == {"stays@example.com"}
    assert segment.members("Other") == {"elsewhere@example.com"}
    assert segment.look("traps") == []


def test_without_a_list_nobody_is_unsubscribed_from_everything_unless_the_connection_allows_it(
    segment: SegmentWorld,
) -> None:
    segment.send(unsubscribed("ann@example.com"))
    assert segment.reasons() == {"global_unsubscribe_not_allowed": 1}
    assert segment.requests(UNSUBSCRIBE) == []


@pytest.mark.parametrize("fault", ["429", "500", "503_html", "lost_response"])
def test_one_failing_group_of_subscriptions_does_not_repeat_the_others(segment: SegmentWorld, fault: str) -> None:
    lists = {name: segment.create_list(name) for name in ("News", "Offers")}
    segment.fault(fault, SUBSCRIBE, body=f'"{lists["Offers"]}"')
    segment.send(
        *(subscribed(f"{name}@example.com", list=list_id) for name, list_id in lists.items()), connection="own"
    )
    assert {name: segment.members(name) for name in lists} == {name: {f"{name.lower()}@example.com"} for name in lists}
    about_news = [request for request in segment.requests(SUBSCRIBE) if lists["News"] in str(request)]
    assert len(about_news) == 1
    assert not segment.letters()


def test_a_consent_waits_for_a_minute_at_most(segment: SegmentWorld) -> None:
    segment.post(subscribed("ann@example.com"), connection="own")
    assert take_due(segment.redis, segment.known.connections, now_ms()) == 0
    assert take_due(segment.redis, segment.known.connections, now_ms() + 60_000) == 1
