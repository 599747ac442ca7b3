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
    "late behind many skips": (seen(LastRun(GOOD), LATE, 40), ["queries/skips/vips", "queries/late/vips"]),
}


@pytest.mark.parametrize(("facts_of_one", "expected"), TABLE.values(), ids=TABLE.keys())
def test_each_trouble_is_an_alert(facts_of_one: QueryFacts, expected: list[str]) -> None:
    found = replace(facts(), queries=[facts_of_one])
    assert [alert.id for alert in judged(found, Limits())] == expected
    assert judged(found, Limits(queries=False)) == []


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
