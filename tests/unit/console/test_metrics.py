"""From a census and from counters to metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric

from console.metrics.counted import of_counted
from console.metrics.labels import MOST, OTHER, label, own_labels
from console.metrics.ledger import of_ledger, of_memory
from queues import metrics
from queues.census import Census
from queues.holds import Hold
from queues.names import Queue
from queues.policy import Waiting
from tests.support.ops import LAPSED, VIPS, counted

NOW = 1_800_000_000_000
OWN = frozenset({"default", "brand-b"})
NEWS = Queue("default", "audience", "44")


def census(*queues: Any, **more: Any) -> Census:
    nothing: dict[str, Any] = {"holds": {}, "heartbeat": NOW, "workers": {}}
    return Census(at=NOW, queues=queues, **{**nothing, **more})


def values(found: Iterable[Metric], name: str) -> dict[tuple[str, ...], float]:
    """By those labels, in their order."""
    samples = (sample for family in found for sample in family.samples if sample.name == name)
    return {tuple(sample.labels.values()): sample.value for sample in samples}


def test_queues_of_a_connection_and_kind_are_one_series() -> None:
    queues = (counted(VIPS, accepted=3), counted(NEWS, accepted=4), counted(LAPSED, accepted=5))
    found = values(of_ledger(census(*queues), OWN), "ferry_changes_accepted_total")
    assert found == {("brand-b", "audience"): 5, ("default", "audience"): 7}


def test_a_change_too_many_does_not_make_up_for_one_that_is_missing() -> None:
    queues = (counted(VIPS, accepted=1), counted(NEWS, delivered=1))
    assert values(of_ledger(census(*queues), OWN), "ferry_changes_missing") == {("default", "audience"): 2}


def test_the_oldest_of_several_queues_is_told_and_0_where_nothing_waits() -> None:
    queues = (
        counted(VIPS, waiting=Waiting(1, oldest=NOW - 1_500)),
        counted(NEWS, waiting=Waiting(1, oldest=NOW - 500)),
        counted(LAPSED),
    )
    found = values(of_ledger(census(*queues), OWN), "ferry_oldest_pending_age_seconds")
    assert found == {("brand-b", "audience"): 0, ("default", "audience"): 1.5}


def test_a_connection_that_is_held_is_told_beside_the_queues_that_are_held_by_themselves() -> None:
    held = census(counted(VIPS, hold=Hold("why", NOW)), counted(NEWS), holds={"brand-b": Hold("why", NOW)})
    assert values(of_ledger(held, OWN), "ferry_holds") == {
        ("brand-b", "connection"): 1,
        ("default", "audience"): 1,
        ("default", "connection"): 0,
    }


@pytest.mark.parametrize(("heartbeat", "lag"), [(NOW - 2_500, 2.5), (NOW + 40, 0.0), (None, math.inf)])
def test_the_lag_is_infinite_without_a_tick_and_never_negative(heartbeat: int | None, lag: float) -> None:
    assert values(of_ledger(census(heartbeat=heartbeat), OWN), "ferry_scheduler_lag_seconds") == {(): lag}


def test_states_of_workers_that_nobody_knows_are_told_as_other() -> None:
    workers = {"a": "busy", "b": "busy", "c": "?", "d": "dreaming"}
    found = values(of_ledger(census(workers=workers), OWN), "ferry_workers")
    assert found == {("busy",): 2, ("idle",): 0, ("started",): 0, ("suspended",): 0, (OTHER,): 2}


def test_memory_without_a_limit_has_the_limit_0() -> None:
    found = list(of_memory({"used_memory": 7}))
    assert values(found, "ferry_redis_memory_used_bytes") == {(): 7}
    assert values(found, "ferry_redis_memory_max_bytes") == {(): 0}


def test_the_buckets_of_imports_are_cumulative_and_hold_their_bounds() -> None:
    counts: dict[tuple[str, ...], int] = {}
    for ms in (0, 1_000, 1_001, 3_600_000, 3_600_001):
        for labels, more in metrics.of_import("default", ms).items():
            counts[labels] = counts.get(labels, 0) + more
    found = list(of_counted(counts, OWN))
    buckets = values(found, "ferry_import_job_duration_seconds_bucket")
    assert [buckets["default", bound] for bound in ("1.0", "2.0", "1800.0", "3600.0", "+Inf")] == [2, 3, 3, 4, 5]
    assert values(found, "ferry_import_job_duration_seconds_sum") == {("default",): 7202.002}


def test_what_is_kept_in_ms_is_told_in_seconds() -> None:
    found = of_counted({(metrics.WAIT_MS, "default", "get_lists"): 1_500}, OWN)
    assert values(found, "ferry_limiter_wait_seconds_total") == {("default", "get_lists"): 1.5}


def test_what_a_newer_version_counts_is_left_to_it() -> None:
    assert sum(len(family.samples) for family in of_counted({("later", "default", "x"): 1}, OWN)) == 0


def test_connections_without_a_label_of_their_own_are_summed_up() -> None:
    queues = (Queue(name, "event", "events") for name in ("default", "mparticle-1", "mparticle-2"))
    counts = {metrics.of(metrics.LAPSED, queue): 1 for queue in queues}
    found = values(of_counted(counts, OWN), "ferry_lease_expiries_total")
    assert found == {("default", "event"): 1, (OTHER, "event"): 2}


def test_no_number_of_mparticle_accounts_takes_the_label_of_a_connection_that_people_named() -> None:
    own = own_labels([*(f"mparticle-{n}" for n in range(1_000)), "zebra", "a"])
    assert (len(own), own >= {"a", "zebra"}) == (MOST, True)
    assert (label("zebra", own), label("mparticle-999", own)) == ("zebra", OTHER)
