from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ops.eta import Eta, Route, arrivals, before, going
from queues.census import Census
from queues.counts import OpenBatch
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy, Waiting, decide
from queues.queue_rows import QueueRow
from tests.support.ops import LAPSED, VIPS, counted
from text.wording import clock

NOW = 1_767_225_600_000  # 2026-01-01, midnight
HOUR = 3_600_000
EVENTS = Queue("default", "event", "events")
ERASURES = Queue("default", "erasure", "erasures")


def census(*counts: Any, **more: Any) -> Census:
    return Census(at=NOW, queues=counts, **{"holds": {}, "heartbeat": NOW, "workers": {"a": "idle"}, **more})


def route(queue: Queue) -> Route:
    """Every connection an account of its own, a hundred in an upload."""
    return Route(queue.connection, 100)


def test_what_waits_for_its_age_is_there_right_after_it() -> None:
    found = arrivals(census(counted(waiting=Waiting(30, NOW - HOUR))), route, {})
    assert found[VIPS].changes == 30
    assert NOW + 15 * HOUR < found[VIPS].at < NOW + 15 * HOUR + 1_000


def test_many_uploads_take_as_long_as_the_limit_of_a_minute_says() -> None:
    found = arrivals(census(counted(waiting=Waiting(27_000, NOW))), route, {})
    assert found[VIPS] == Eta(27_000, NOW + 120_000), "270 uploads, 135 a minute"


@pytest.mark.parametrize("pending", [1, 99, 100, 101, 149, 150, 199, 200, 250, 1_000, 1_049])
@pytest.mark.parametrize(("size", "upload_max"), [(100, 100), (100, 1_000), (50, 60), (10, 1)])
@pytest.mark.parametrize("asked", [0, 1, 120])
def test_as_many_go_as_the_scheduler_takes_until_nothing_is_due(
    pending: int, size: int, upload_max: int, asked: int
) -> None:
    policy, left, still = FlushPolicy(size, HOUR, upload_max), pending, min(asked, pending)
    while decision := decide(Waiting(left, NOW, None, still), policy, NOW):
        left, still = left - decision[1], max(0, still - decision[1])
    if left == pending:  # neither full nor asked for: the age takes everything
        left = 0
    assert (
        going(counted(policy=policy, waiting=Waiting(pending, NOW, None, min(asked, pending))), upload_max)
        == pending - left
    )


def test_the_uploads_of_one_account_go_one_after_the_other_and_those_of_others_beside_them() -> None:
    both = census(counted(waiting=Waiting(13_500, NOW)), counted(LAPSED, waiting=Waiting(13_500, NOW)))
    apart = arrivals(both, route, {})
    assert [apart[LAPSED].at, apart[VIPS].at] == [NOW + 60_000, NOW + 60_000]
    shared = arrivals(both, lambda _queue: Route("one", 100), {})
    assert [shared[LAPSED].at, shared[VIPS].at] == [NOW + 60_000, NOW + 120_000]


def test_a_queue_comes_after_those_of_its_connection_that_are_due_before_it() -> None:
    own, due = counted(waiting=Waiting(13_500, NOW - HOUR)), NOW
    others = (
        counted(Queue("default", "audience", "first"), waiting=Waiting(13_500, NOW)),
        counted(Queue("default", "profile", "profiles"), waiting=Waiting(13_500, NOW)),
        counted(Queue("default", "audience", "later"), waiting=Waiting(1, NOW + HOUR)),
        counted(Queue("default", "audience", "held"), waiting=Waiting(13_500, NOW), hold=Hold("x", NOW)),
        counted(Queue("default", "audience", "empty")),
        counted(EVENTS, waiting=Waiting(13_500, NOW)),
        counted(LAPSED, waiting=Waiting(13_500, NOW)),
        own,
    )
    found = list(before([QueueRow.of(each) for each in others], VIPS, due))
    assert [each.queue.target for each in found] == ["first", "profiles"]
    alone, behind = arrivals(census(own), route, {}), arrivals(census(own), route, {}, found)
    assert behind[VIPS].at - alone[VIPS].at == 120_000


def test_each_kind_goes_by_the_limit_of_its_own_endpoint() -> None:
    counts = (
        counted(waiting=Waiting(13_500, NOW)),
        counted(EVENTS, waiting=Waiting(13_500, NOW)),
        counted(ERASURES, policy=FlushPolicy(1), waiting=Waiting(54, NOW)),
    )
    found = arrivals(census(*counts), route, {})
    assert {arrival.at for arrival in found.values()} == {NOW + 60_000}
    assert len(found) == 3


def test_nothing_is_promised_behind_a_batch_that_failed_and_is_tried_again() -> None:
    opened = OpenBatch("07-ab", NOW, 100, "size", "upload", 0, held=False, ring=NOW)
    for trouble, promised in (("", True), ("own_limit", True), ("http_503", False)):
        queue = counted(waiting=Waiting(100, NOW), batches=(replace(opened, trouble=trouble),))
        assert (VIPS in arrivals(census(queue), route, {})) == promised


def test_what_klaviyo_asked_to_wait_for_is_waited_for() -> None:
    paused = {("default", "bulk_import_profiles"): 45_000}
    found = arrivals(census(counted(waiting=Waiting(100, NOW))), route, paused)
    assert found[VIPS].at == NOW + 45_000 + 445


def test_nothing_is_promised_that_is_held_empty_or_without_processes() -> None:
    waiting = counted(waiting=Waiting(100, NOW))
    held = counted(hold=Hold("list_gone", NOW), waiting=Waiting(100, NOW))
    snapshot = counted(Queue("default", "snapshot", "42"), policy=FlushPolicy(1), waiting=Waiting(1, NOW))
    for nothing in (
        census(held),
        census(counted()),
        census(snapshot),
        census(waiting, holds={"default": Hold("unauthenticated", NOW)}),
        census(waiting, heartbeat=None),
        census(waiting, workers={}),
    ):
        assert arrivals(nothing, route, {}) == {}


def test_a_time_is_told_with_its_day_where_that_is_another() -> None:
    assert clock(NOW + 14 * HOUR + 300_000, NOW) == "14:05 UTC"
    assert clock(NOW + 25 * HOUR, NOW) == "2 Jan 01:00 UTC"
