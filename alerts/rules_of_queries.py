"""The rules for scheduled queries: a run failed, was missed or is late, or slots are skipped. Pure.

A snapshot that the guard holds is a hold, which the rule `holds` reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from alerts.facts import QueryFacts
from configuration import due
from configuration.queries import Query
from queues.alerts import Alert
from queues.queries.records import LastRun, QueryRun
from text.wording import duration, without_people

#: Slots skipped in a row that raise an alert.
SKIPS: Final = 3
#: ms beyond the time-out of a query after which its run is late: to find a worker, and to check the rows.
_SLACK_MS: Final = 300_000


def of_query(found: QueryFacts, now: int) -> Iterator[Alert]:
    """Yield the alerts of one query; each is over at its next good run. `now`: ms."""
    name, running = found.query.name, found.running
    if found.last is not None:
        yield from _of_last(name, found.last)
    if found.state.skips >= SKIPS:
        yield _alert(
            f"skips/{name}",
            name,
            f"Query {name}: {found.state.skips} slots in a row came while a run had not ended",
            f"Make the query faster or its interval longer. `ferry queries cancel {name}` ends the run.",
        )
    if running is not None and (late := now - _latest(found.query, running)) > 0:
        yield _alert(
            f"late/{name}",
            name,
            f"Query {name}: run {running.id} is late by {duration(late)}",
            "See the logs of the workers, and whether other runs occupy its source (runs_at_once).",
        )


def _of_last(name: str, last: LastRun) -> Iterator[Alert]:
    run = last.run
    if run.state in ("failed", "missed"):
        yield _alert(f"{run.state}/{name}", name, f"Query {name} {_said(run)}", without_people(run.remedy))
    if last.snapshot is not None and last.snapshot_failed:
        text = f"Query {name}: the snapshot of its last run failed, so the list may not equal the result"
        yield _alert(f"failed/{name}", name, text, without_people(last.snapshot.error))


def _said(run: QueryRun) -> str:
    return f"failed ({run.error}): the list was not touched" if run.state == "failed" else "missed its last slot"


def _latest(query: Query, run: QueryRun) -> int:
    """Return the ms by which a run should have ended."""
    delay = due.delay_ms(query.name, query.jitter_minutes) if run.slot is not None else 0
    return run.since + delay + query.timeout_minutes * 60_000 + _SLACK_MS


def _alert(what: str, name: str, text: str, remedy: str) -> Alert:
    return Alert(f"queries/{what}", "queries", name, text, remedy)
