"""What the page of the connections shows: keys, and the use of Klaviyo's limits."""

from __future__ import annotations

import pytest

from console.pages.connections_read import ConnectionFacts, ConnectionsData
from console.pages.connections_view import connections, limits, limits_told
from console.pages.queue_view import arrives
from ops.eta import Eta
from queues.census import Census
from queues.history.hours import HOUR_MS
from queues.holds import Hold
from queues.names import Queue
from queues.policy import Waiting
from queues.rate_limits import EndpointUse
from tests.support.ops import LAPSED, counted

NOW = 1_767_225_600_000  # 2026-01-01, midnight
OURS, THEIRS = ConnectionFacts("default", "a1", "kept"), ConnectionFacts("brand-b", "b1", "kept")
EMPTY = Census(at=NOW, queues=(), holds={}, heartbeat=NOW, workers={})


def test_what_is_paused_and_then_what_is_fullest_of_the_limits_comes_first() -> None:
    uses = {
        "a1": [EndpointUse("get_lists", "minute", 67, 675), EndpointUse("bulk_import_profiles", "minute", 135, 135)],
        "b1": [EndpointUse("get_profiles", "minute", 0, 675, 12_000)],
    }
    found = limits(ConnectionsData([OURS, THEIRS], uses))
    assert [(use.account, use.endpoint, use.used.told, use.paused) for use in found] == [
        ("brand-b", "get_profiles", "0 of 675 within a minute", "for 12\u00a0s"),
        ("default", "bulk_import_profiles", "135 of 135 within a minute", ""),
        ("default", "get_lists", "67 of 675 within a minute", ""),
    ]
    assert limits_told(found) == (
        "paused at Klaviyo's request: get_profiles; "
        "the fullest is bulk_import_profiles of default, 135 of 135 within a minute"
    )


def test_an_account_that_connections_share_stands_there_once_with_their_names() -> None:
    shared = [OURS, ConnectionFacts("brand-c", "a1", "CDP"), THEIRS]
    (found,) = limits(ConnectionsData(shared, {"a1": [EndpointUse("get_lists", "minute", 1, 675)], "b1": []}))
    assert found.account == "default, brand-c"


def test_where_nothing_was_asked_of_klaviyo_there_is_nothing_to_tell() -> None:
    assert limits_told(limits(ConnectionsData([OURS], {"a1": []}))) == ""


def test_a_connection_without_a_key_comes_first_with_what_to_do() -> None:
    read = ConnectionsData([OURS, ConnectionFacts("new", None, "no key: ferry connections add new")])
    found = connections(read, EMPTY)
    assert [(line.name, line.has_key, line.key) for line in found] == [
        ("new", False, "no key: ferry connections add new"),
        ("default", True, "kept"),
    ]


def test_a_held_connection_comes_first_with_its_queues_and_what_ends_the_hold() -> None:
    hold = Hold("unauthenticated", NOW, "Give it a key.", probed=True)
    queues = (
        counted(waiting=Waiting(3, NOW)),
        counted(Queue("default", "event", "events"), waiting=Waiting(4, NOW)),
        counted(LAPSED),
    )
    held = Census(NOW, queues, {"brand-b": hold}, NOW, {})
    brand, default = connections(ConnectionsData([OURS, THEIRS]), held)
    assert (brand.name, brand.queues, default.name, default.queues, default.pending) == ("brand-b", 1, "default", 2, 7)
    assert brand.hold is not None
    assert brand.hold.what_to_do == "Give it a key. Ends automatically when the cause is gone."


@pytest.mark.parametrize(
    ("arrival", "pending", "told"),
    [
        (None, 5, ""),
        (Eta(5, NOW), 5, "In Klaviyo about 00:00 UTC"),
        (Eta(5, NOW + 1), 5, "In Klaviyo about 00:01 UTC"),
        (Eta(200, NOW + 50_700_000), 1_250, "200 of 1,250 in Klaviyo about 14:05 UTC"),
        (Eta(5, NOW + 24 * HOUR_MS), 5, "In Klaviyo about 2 Jan 00:00 UTC"),
    ],
)
def test_it_is_told_when_what_waits_will_be_in_klaviyo(arrival: Eta | None, pending: int, told: str) -> None:
    assert arrives(arrival, pending, NOW) == told
