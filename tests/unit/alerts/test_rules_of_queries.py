"""The alerts of scheduled queries: raised, and over at the next good run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.facts import QueryFacts
from alerts.rules import judged
from configuration.alerts import Limits
from queues.queries.records import QueryRun, QueryState
from tests.support.alerts import NOW, facts
from tests.support.queries import NAME, query

MINUTE = 60_000
GOOD = QueryRun("vips-1", NAME, "submitted", "schedule", NOW - MINUTE, NOW - MINUTE, ended=NOW)


def run(**more: Any) -> QueryRun:
    return QueryRun(**{"id": "vips-1", "query": NAME, "state": "queued", "by": "schedule", "since": NOW, **more})


TABLE: dict[str, tuple[QueryRun | None, int, list[str]]] = {
    "no run yet": (None, 0, []),
    "a good run": (GOOD, 0, []),
    "failed": (run(state="failed", ended=NOW, error="unreachable"), 0, ["queries/failed/vips"]),
    "missed": (run(state="missed", ended=NOW, error="missed"), 0, ["queries/missed/vips"]),
    "cancelled": (run(state="cancelled", ended=NOW), 0, []),
    "two skips": (run(state="reading"), 2, []),
    "three skips": (run(state="reading"), 3, ["queries/skips/vips"]),
    "not yet late": (run(since=NOW - 35 * MINUTE), 0, []),
    "late": (run(since=NOW - 35 * MINUTE - 1), 0, ["queries/late/vips"]),
}


@pytest.mark.parametrize(("last", "skips", "expected"), TABLE.values(), ids=TABLE.keys())
def test_each_trouble_is_an_alert(last: QueryRun | None, skips: int, expected: list[str]) -> None:
    found = replace(facts(), queries=[QueryFacts(query(), QueryState(skips=skips), last)])
    assert [alert.id for alert in judged(found, Limits())] == expected
    assert judged(found, Limits(queries=False)) == []


def test_an_alert_names_the_cause_and_no_person() -> None:
    failed = run(state="failed", error="query_failed", remedy="The list was not touched. See ann@example.com.")
    found = replace(facts(), queries=[QueryFacts(query(), QueryState(), failed)])
    (alert,) = judged(found, Limits())
    assert alert.text == "Query vips failed (query_failed): the list was not touched"
    assert "ann@" not in alert.remedy
