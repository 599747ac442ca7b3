"""What the first page shows besides the census: drawings of a day, the last uploads, limits and keys."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.pages.connections_view import connections, limits, limits_told
from console.pages.overview_read import ConnectionFacts, OverviewData
from console.pages.overview_view import arrives, last
from console.pages.spark import Spark, spark
from ops.eta import Eta
from queues.census import Census
from queues.history.hours import HOUR_MS, TOLD, Hour
from queues.history.last_batches import SettledBatch
from queues.klaviyo_limits import EndpointUse
from queues.names import Queue
from tests.support.ops import VIPS, counted

NOW = 1_767_225_600_000  # 2026-01-01, midnight
OURS, THEIRS = ConnectionFacts("default", "a1", "kept"), ConnectionFacts("brand-b", "b1", "kept")
EMPTY = Census(at=NOW, queues=(), holds={}, heartbeat=NOW, workers={})


def day(**changes: tuple[int, int]) -> list[Hour]:
    """A day that ends now: `h3=(5, 1)`, five delivered and one dead in its fourth hour."""
    figures = {int(name[1:]): pair for name, pair in changes.items()}
    return [Hour(NOW + (index - TOLD + 1) * HOUR_MS, *figures.get(index, (0, 0))) for index in range(TOLD)]


def test_a_column_stands_for_what_an_hour_delivered_and_hangs_for_what_died() -> None:
    drawn = spark(day(h0=(50, 0), h23=(100, 3)))
    assert drawn.delivered == "M0 20v-10h3V20zM92 20v-20h3V20z"
    assert drawn.dead == "M92 21v7h3V21z"
    assert drawn.box == "0 0 96 28"


def test_a_drawing_is_told_in_words() -> None:
    words = spark(day(h10=(1_234, 0), h20=(7, 2))).told
    assert words == "1,241 delivered within 24 hours, most in the hour from 31 Dec 11:00 UTC: 1,234; 2 dead letters"
    assert spark(day()).told == "Nothing was delivered within 24 hours"
    assert spark(day(h1=(0, 1))).told == "Nothing was delivered within 24 hours; 1 dead letter"
    assert spark([]) == Spark("", "", "Nothing was delivered within 24 hours")


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=TOLD, max_size=TOLD))
def test_no_column_leaves_the_drawing_and_none_is_too_small_to_be_seen(figures: list[tuple[int, int]]) -> None:
    drawn = spark([Hour(NOW + index * HOUR_MS, *pair) for index, pair in enumerate(figures)])
    for path, units, pairs in ((drawn.delivered, 20, 0), (drawn.dead, 7, 1)):
        heights = [abs(int(height)) for height in re.findall(r"v(-?\d+)", path)]
        assert all(2 <= height <= units for height in heights)
        assert len(heights) == sum(pair[pairs] > 0 for pair in figures)


def test_an_upload_is_told_with_what_became_of_it() -> None:
    upload = SettledBatch(VIPS, "07-a", "size", NOW - 90_000, NOW - 60_000, 100, 95, 3, 2)
    gone = SettledBatch(Queue("gone", "audience", "1"), "07-b", "age", NOW - 2, NOW - 1, 1, 1, 0, 0)
    first, second = last([upload, gone], Census(NOW, (counted(),), {}, NOW, {}))
    assert (first.name, first.queue, first.reason, first.ago, first.took) == ("VIPs", str(VIPS), "size", "1m", "30s")
    assert (first.changes, first.delivered, first.superseded, first.dead) == (100, 95, 3, 2)
    assert second.name == "gone/audience/1", "a queue that is not in the census"


def test_what_is_paused_and_then_what_is_fullest_of_the_limits_comes_first() -> None:
    uses = {
        "a1": [EndpointUse("get_lists", "minute", 67, 675), EndpointUse("bulk_import_profiles", "minute", 135, 135)],
        "b1": [EndpointUse("get_profiles", "minute", 0, 675, 12_000)],
    }
    found = limits(OverviewData(EMPTY, [OURS, THEIRS], uses))
    assert [(use.account, use.endpoint, use.used.told, use.paused) for use in found] == [
        ("brand-b", "get_profiles", "0 of 675 within a minute", "for 12s"),
        ("default", "bulk_import_profiles", "135 of 135 within a minute", ""),
        ("default", "get_lists", "67 of 675 within a minute", ""),
    ]
    assert limits_told(found) == (
        "paused at Klaviyo's request: get_profiles; "
        "the fullest is bulk_import_profiles of default, 135 of 135 within a minute"
    )


def test_an_account_that_connections_share_stands_there_once_with_their_names() -> None:
    shared = [OURS, ConnectionFacts("brand-c", "a1", "CDP"), THEIRS]
    (found,) = limits(OverviewData(EMPTY, shared, {"a1": [EndpointUse("get_lists", "minute", 1, 675)], "b1": []}))
    assert found.account == "default, brand-c"


def test_where_nothing_was_asked_of_klaviyo_there_is_nothing_to_tell() -> None:
    assert limits_told(limits(OverviewData(EMPTY, [OURS], {"a1": []}))) == ""


def test_a_connection_without_a_key_comes_first_with_what_to_do() -> None:
    found = connections(OverviewData(EMPTY, [OURS, ConnectionFacts("new", None, "no key: ferry connections add new")]))
    assert [(line.name, line.has_key, line.key) for line in found] == [
        ("new", False, "no key: ferry connections add new"),
        ("default", True, "kept"),
    ]


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
