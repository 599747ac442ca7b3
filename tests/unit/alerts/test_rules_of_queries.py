"""The alerts of scheduled queries: raised, and over at the next good run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.facts import QueryFacts
from alerts.rules import judged
from configuration.alerts import Limits
from queues.queries.records import LastRun, QueryRun, QueryState
from queues.snapshots.records import Record, SnapshotOrder, State
from tests.support.alerts import NOW, facts
from tests.support.queries import NAME, query

MINUTE = 60_000
GOOD = QueryRun("vips-1", NAME, "submitted", "schedule", NOW - MINUTE, NOW - MINUTE, ended=NOW)


def run(**more: Any) -> QueryRun:
    return QueryRun(**{"id": "vips-1", "query": NAME, "state": "queued", "by": "schedule", "since": NOW, **more})


def seen(last: LastRun | None = None, running: QueryRun | None = None, skips: int = 0) -> QueryFacts:
    return QueryFacts(query(), QueryState(skips=skips), last, running)


def read(rows: int = 1_000, before: int | None = 1_000, seconds: float = 60.0, usual: float | None = 60.0) -> LastRun:
    """A run whose result was submitted."""
    figures = {"rows": rows, "rows_before": before, "seconds": seconds, "usual_seconds": usual}
    return LastRun(run(state="submitted", ended=NOW, **figures))


def reads(seconds: int, usual: float | None = 60.0) -> QueryRun:
    """A run that began to read so many seconds ago."""
    return run(state="reading", started=NOW - seconds * 1_000, usual_seconds=usual)


def snapshot(state: State, error: str = "") -> Record:
    return Record("default/snapshot/vips", SnapshotOrder("04-1", NOW, "ndjson"), NOW, 1, state, error=error)


FAILED = LastRun(run(state="failed", ended=NOW, error="unreachable"))
LATE = run(since=NOW - 35 * MINUTE - 1)
TABLE: dict[str, tuple[QueryFacts, list[str]]] = {
    "no run yet": (seen(), []),
    "a good run": (seen(LastRun(GOOD)), []),
    "a good run whose snapshot goes on": (seen(LastRun(GOOD, snapshot("delivering"))), []),
    "a run whose snapshot failed": (seen(LastRun(GOOD, snapshot("failed"))), ["queries/failed/vips"]),
    "failed": (seen(FAILED), ["queries/failed/vips"]),
    "a failed run with another queued behind it stays raised": (seen(FAILED, run()), ["queries/failed/vips"]),
    "missed": (seen(LastRun(run(state="missed", ended=NOW, error="missed"))), ["queries/missed/vips"]),
    "two skips": (seen(running=run(state="reading"), skips=2), []),
    "three skips": (seen(running=run(state="reading"), skips=3), ["queries/skips/vips"]),
    "not yet late": (seen(running=run(since=NOW - 35 * MINUTE)), []),
    "late": (seen(running=LATE), ["queries/late/vips"]),
    "half as many rows": (seen(read(500)), []),
    "fewer than half as many rows": (seen(read(499)), ["queries/rows/vips"]),
    "half as many rows again": (seen(read(1_500)), []),
    "more than half as many rows again": (seen(read(1_501)), ["queries/rows/vips"]),
    "a few rows fewer than a few": (seen(read(1, 100)), []),
    "rows where there were none": (seen(read(101, 0)), ["queries/rows/vips"]),
    "no run to compare with": (seen(read(1, None, 9_000.0, None)), []),
    "it took nearly three times as long": (seen(read(seconds=179.9)), []),
    "it took three times as long": (seen(read(seconds=180.0)), ["queries/slow/vips"]),
    "it took a minute instead of a second": (seen(read(seconds=60.0, usual=1.0)), ["queries/slow/vips"]),
    "it took under a minute": (seen(read(seconds=59.9, usual=0.1)), []),
    "it reads for nearly three times as long": (seen(read(), reads(179)), []),
    "it reads for three times as long": (seen(read(), reads(180)), ["queries/slow/vips"]),
    "it reads for long after a slow run": (seen(read(seconds=200.0), reads(300)), ["queries/slow/vips"]),
    "it reads for long, nobody knows what is usual": (seen(running=reads(600, None)), []),
    "late behind many skips": (seen(LastRun(GOOD), LATE, 40), ["queries/skips/vips", "queries/late/vips"]),
}


@pytest.mark.parametrize(("facts_of_one", "expected"), TABLE.values(), ids=TABLE.keys())
def test_each_trouble_is_an_alert(facts_of_one: QueryFacts, expected: list[str]) -> None:
    found = replace(facts(), queries=[facts_of_one])
    assert [alert.id for alert in judged(found, Limits())] == expected
    assert judged(found, Limits(queries=False)) == []


def test_an_unusual_run_is_described_by_its_figures() -> None:
    found = replace(facts(), queries=[seen(read(499, seconds=300.0), reads(600))])
    rows, slow = judged(found, Limits())
    assert rows.text.startswith("Query vips: run vips-1 has 499 rows, the last good run before it had 1,000.")
    assert "ferry queries run vips" in rows.remedy
    assert slow.text == "Query vips: run vips-1 has been reading for 10\u00a0min, usually it takes 1\u00a0min"
    assert "30 min (timeout_minutes)" in slow.remedy
    (_, slow) = judged(replace(facts(), queries=[seen(read(499, seconds=300.0))]), Limits())
    assert slow.text == "Query vips: run vips-1 read for 5\u00a0min, usually it takes 1\u00a0min"


def test_an_alert_names_the_cause_and_no_person() -> None:
    failed = run(state="failed", error="query_failed", remedy="The list was not touched. See ann@example.com.")
    found = replace(facts(), queries=[seen(LastRun(failed))])
    (alert,) = judged(found, Limits())
    assert alert.text == "Query vips failed (query_failed): the list was not touched"
    assert "ann@" not in alert.remedy
    found = replace(facts(), queries=[seen(LastRun(GOOD, snapshot("failed", "Row 2, ann@example.com, has no end.")))])
    (alert,) = judged(found, Limits())
    assert "the snapshot of its last run failed, so the list may not equal the result" in alert.text
    assert "Row 2" in alert.remedy
    assert "ann@" not in alert.remedy
