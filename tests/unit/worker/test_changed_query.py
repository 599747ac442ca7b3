"""How many people a query that was changed may add and remove, and what is usual for a run."""

from __future__ import annotations

import pytest

from queues.queries.records import QueryRun, RunState
from queues.snapshots.records import Counts
from worker.queries.result import usual_seconds
from worker.snapshots.changed_query import verdict


@pytest.mark.parametrize(
    ("counts", "percent", "is_held"),
    [
        (Counts(held=3_000, adds=300, removals=300), 30, False),
        (Counts(held=3_000, adds=301), 30, True),
        (Counts(held=3_000, removals=301), 30, True),
        (Counts(held=3_000, updates=3_000), 30, False),
        (Counts(held=2, adds=10), 30, False),
        (Counts(held=2, adds=11), 30, True),
        (Counts(held=0, adds=11), 30, True),
        (Counts(held=3_000, adds=1), 0, True),
        (Counts(held=3_000, adds=0), 0, False),
        (Counts(held=3_000, adds=1_001), 100, True),
    ],
)
def test_a_third_of_the_limit_passes_each_way_after_a_change(counts: Counts, percent: int, is_held: bool) -> None:
    assert (verdict(counts, percent, ["SQL"]) is not None) is is_held
    assert verdict(counts, percent, []) is None


def test_the_verdict_names_everything_that_changed() -> None:
    said = verdict(Counts(held=3_000, adds=3_001, removals=7), 20, ["SQL", "setting columns"])
    assert said == (
        "the SQL and the setting columns changed since the last good run, and the result adds 3,001 people to the list "
        "of 3,000 and takes 7 off; after a change at most 200 each way need no review, a third of max_removal_percent "
        "(20)"
    )


def run(seconds: float | None, state: RunState = "submitted") -> QueryRun:
    """A run that took so long."""
    return QueryRun("vips-1", "vips", state, "schedule", 1, seconds=seconds)


def test_usual_is_the_median_of_the_last_runs_that_were_read() -> None:
    assert usual_seconds([run(1.0), run(9.0)]) is None
    assert usual_seconds([run(1.0), run(9.0), run(2.0, "failed"), run(None)]) is None
    assert usual_seconds([run(1.0), run(9.0), run(None, "skipped"), run(2.0)]) == 2.0
    assert usual_seconds([*(run(1.0) for _ in range(10)), *(run(50.0) for _ in range(20))]) == 1.0, "not the old ones"
