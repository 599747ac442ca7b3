"""The figures of a run as its page shows them."""

from __future__ import annotations

import pytest

from console.pages.query_run_view import equations
from ops.queries.documents import RunDocument
from queues.queries.records import QueryRun
from queues.snapshots.orders import queue_of
from queues.snapshots.records import Counts, Outcomes, Record, SnapshotOrder
from snapshots.gathering import gather
from snapshots.rows import row


def equated(counts: Counts) -> list[tuple[int, int]]:
    """The total of each equation of a run, and the sum of its parts."""
    run = QueryRun("vips-1", "vips", "submitted", "schedule", 1, snapshot="s1")
    record = Record(str(queue_of("default", "vips")), SnapshotOrder("s1", 1, "ndjson"), 1, 1, "delivering", counts)
    record.outcomes = Outcomes(changes=2, delivered=2)
    return [(each.total, sum(figure for figure, _ in each.parts)) for each in equations(RunDocument.of(run, record))]


@pytest.mark.parametrize("emails", [("a@example.com", "b@example.com"), ("a@example.com", "a@example.com")])
def test_the_people_of_rows_that_share_an_id_add_up(emails: tuple[str, str]) -> None:
    gathered = gather(row(n, {"email": email, "external_id": "7"}, "7") for n, email in enumerate(emails, 1))
    gathered.counts.adds = gathered.counts.people
    assert equated(gathered.counts)[0] == (2, 2)
    assert all(total == parts for total, parts in equated(gathered.counts))
    gathered.close()
