"""`ferry preview --source segment`: what Segment's messages would become."""

from __future__ import annotations

import json
from typing import Any

import falcon
import pytest

from configuration.connections import Connection, Connections
from mappings.segment import settings
from ops.preview import preview
from tests.support.segment import NOW, PERSONAS, TRAITS, message

DEFAULT = Connection("default")


def shown(posted: object, connection: Connection = DEFAULT) -> dict[str, Any]:
    return preview("segment", json.dumps(posted).encode(), Connections({"default": connection}), NOW)


def by_queue(posted: object, connection: Connection = DEFAULT) -> dict[str, dict[str, Any]]:
    return {queue["queue"]: queue for queue in shown(posted, connection)["queues"]}


def test_a_profile_is_shown_as_klaviyo_would_get_it_and_several_messages_of_a_person_as_one() -> None:
    actions = settings.read([{"action": "upsert_profile", "traits_as_properties": True}])
    batch = [message(traits=TRAITS | {"plan": "gold"}), message(messageId="m-2", traits=TRAITS | {"size": 4})]
    queue = by_queue({"batch": batch}, Connection("default", actions=actions))["default/profile/profiles"]
    (person,) = queue["people"]
    assert (person["action"], person["changes"]) == ("update", [0, 1])
    assert person["profile"] == {"email": "ann@example.com", "properties": {"plan": "gold", "size": 4}}
    assert "list" not in queue
    assert "audience" not in queue


def test_a_membership_is_shown_with_its_audience_and_list() -> None:
    entered = message("track", event="Audience Entered", context={"personas": PERSONAS})
    queue = by_queue(entered)["default/audience/aud_1"]
    assert (queue["audience"], queue["list"], queue["people"][0]["action"]) == ("vips", {"name": "vips"}, "add")


def test_an_event_is_shown_with_its_profile_and_what_is_left_out() -> None:
    bought = message("track", event="Bought", traits=TRAITS | {"phone": "1"}, properties={"revenue": "5"})
    (event,) = by_queue(bought)["default/event/events"]["events"]
    assert (event["action"], event["changes"], event["warnings"]) == ("event", [0], ["phone_invalid"])
    assert event["profile"] == {"email": "ann@example.com"}
    assert event["event"]["metric"]["data"]["attributes"]["name"] == "Bought"
    assert (event["event"]["value"], event["event"]["time"]) == (5, "2026-01-01T00:00:00.000Z")


def test_a_consent_is_shown_with_its_channels() -> None:
    subscribed = message("track", event="User Subscribed")
    (consent,) = by_queue(subscribed)["default/consent/consents"]["consents"]
    assert (consent["action"], consent["consent"]) == (
        "subscribe",
        {"email": "ann@example.com", "custom_source": "-59"},
    )


def test_what_cannot_be_delivered_is_shown_with_the_reason() -> None:
    batch = [message("track", event="x" * 200), {"type": "dance"}, message("track", traits={}, event="Seen")]
    queues = by_queue({"batch": batch})
    ((event,), dead) = (queues["default/event/events"][name] for name in ("events", "dead_on_arrival"))
    assert (event["action"], event["reason"]) == ("dead_letter", "metric_too_long")
    assert [letter["reason"] for letter in dead] == ["no_identifier"]
    assert "list" not in queues["default/audience/unreadable"], "nobody is put on one"
    assert queues["default/audience/unreadable"]["dead_on_arrival"][0]["detail"].startswith("$.batch[1].type: ")


def test_messages_that_no_action_is_for_are_counted_by_type() -> None:
    assert shown({"batch": [message("page"), message("page"), message("alias")]}) == {
        "queues": [],
        "unmapped": {"page": 2, "alias": 1},
    }


def test_another_connection_is_asked_for_by_its_name() -> None:
    connections = Connections({"default": DEFAULT, "brand-b": Connection("brand-b")})
    bought = json.dumps(message("track", event="Bought")).encode()
    (queue,) = preview("segment", bought, connections, NOW, "brand-b")["queues"]
    assert queue["queue"] == "brand-b/event/events"


def test_a_request_that_intake_would_refuse_is_refused() -> None:
    with pytest.raises(falcon.HTTPBadRequest):
        shown({"batch": {}})
