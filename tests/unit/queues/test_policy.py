"""The flush policy at its boundaries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.policy import FlushPolicy, Waiting, decide, due_at

HOUR = 3_600_000
SIXTEEN = 16 * HOUR
NOW = 1_800_000_000_000
DEFAULT = FlushPolicy()


@pytest.mark.parametrize(
    ("waiting", "decision"),
    [
        # size, at its boundary
        (Waiting(99, oldest=NOW), None),
        (Waiting(100, oldest=NOW), ("size", 100)),
        (Waiting(101, oldest=NOW), ("size", 100)),
        (Waiting(250, oldest=NOW), ("size", 100)),
        # age of the oldest change, to the millisecond
        (Waiting(1, oldest=NOW - SIXTEEN + 1), None),
        (Waiting(1, oldest=NOW - SIXTEEN), ("age", 1)),
        (Waiting(1, oldest=NOW - SIXTEEN - 1), ("age", 1)),
        # time since the last upload, to the millisecond
        (Waiting(1, oldest=NOW, uploaded=NOW - SIXTEEN + 1), None),
        (Waiting(1, oldest=NOW, uploaded=NOW - SIXTEEN), ("age", 1)),
        # a recent upload does not make an old change wait longer
        (Waiting(1, oldest=NOW - SIXTEEN, uploaded=NOW - HOUR), ("age", 1)),
        # a queue never uploaded has only the age of its oldest change
        (Waiting(1, oldest=NOW - HOUR), None),
        # what was asked for goes, and nothing that came later
        (Waiting(30, oldest=NOW, asked=30), ("operator", 30)),
        (Waiting(30, oldest=NOW, asked=20), ("operator", 20)),
        (Waiting(150, oldest=NOW, asked=150, asked_by="age"), ("age", 100)),
        # nothing waits
        (Waiting(0, uploaded=NOW - SIXTEEN), None),
        (Waiting(0), None),
    ],
)
def test_a_queue_is_due_at_a_hundred_changes_or_sixteen_hours(
    waiting: Waiting, decision: tuple[str, int] | None
) -> None:
    assert decide(waiting, DEFAULT, NOW) == decision


def test_an_upload_carries_at_most_upload_max_and_more_than_size_where_it_may() -> None:
    wide = FlushPolicy(size=100, upload_max=10_000)
    assert decide(Waiting(250, oldest=NOW), wide, NOW) == ("size", 250)
    assert decide(Waiting(25_000, oldest=NOW), wide, NOW) == ("size", 10_000)


def test_fractions_of_minutes_are_kept_to_the_millisecond() -> None:
    quick = FlushPolicy(age_ms=round(0.1 * 60_000))
    assert due_at(Waiting(1, oldest=NOW), quick) == NOW + 6_000


def test_a_clock_that_went_back_flushes_nothing_early() -> None:
    assert decide(Waiting(1, oldest=NOW + 300_000, uploaded=NOW), DEFAULT, NOW + 1) is None


@given(
    pending=st.integers(1, 20_000),
    oldest=st.integers(NOW - 3 * SIXTEEN, NOW),
    uploaded=st.none() | st.integers(NOW - 3 * SIXTEEN, NOW),
    size=st.integers(1, 10_000),
    most=st.integers(1, 10_000),
)
def test_what_is_due_is_exactly_what_due_at_says(
    pending: int, oldest: int, uploaded: int | None, size: int, most: int
) -> None:
    policy = FlushPolicy(size=size, upload_max=most)
    waiting = Waiting(pending, oldest, uploaded)
    due = due_at(waiting, policy)
    assert due is not None
    decision = decide(waiting, policy, NOW)
    assert (decision is not None) == (due <= NOW)
    assert due <= oldest + policy.age_ms, "no change waits longer than the age"
    if decision:
        assert 1 <= decision[1] <= min(pending, most)
