"""The rules for scheduled queries: a run failed, was missed, is late or unusual, or slots are skipped. Pure.

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
from text.wording import duration, plural, without_people

#: Slots skipped in a row that raise an alert.
SKIPS: Final = 3
#: ms beyond the time-out of a query after which its run is late: to find a worker, and to check the rows.
_SLACK_MS: Final = 300_000
#: A run is slow when reading takes so many times as long as usual, and at least so many seconds.
_TIMES: Final = 3
_SLOW_S: Final = 60.0
#: A result is unusual when its rows differ by more percent from those of the last good run, unless both have few.
_PERCENT: Final = 50
_FEW_ROWS: Final = 100


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
    yield from _slow(found, now)


def _of_last(name: str, last: LastRun) -> Iterator[Alert]:
    run = last.run
    if run.state in ("failed", "missed"):
        yield _alert(f"{run.state}/{name}", name, f"Query {name} {_said(run)}", without_people(run.remedy))
    if last.snapshot is not None and last.snapshot_failed:
        text = f"Query {name}: the snapshot of its last run failed, so the list may not equal the result"
        yield _alert(f"failed/{name}", name, text, without_people(last.snapshot.error))
    if run.state == "submitted" and run.rows is not None and run.rows_before is not None:
        yield from _rows(run, run.rows, run.rows_before)


def _rows(run: QueryRun, now: int, before: int) -> Iterator[Alert]:
    if abs(now - before) * 100 > _PERCENT * before and max(now, before) > _FEW_ROWS:
        yield _alert(
            f"rows/{run.query}",
            run.query,
            f"Query {run.query}: run {run.id} has {plural(now, 'row')}, the last good run before it had {before:,}. "
            "It goes on unless the guard holds it",
            f"Find out what the source lost or repeats, and run the query again: ferry queries run {run.query}. If the "
            "result is right, do nothing: the next run is compared with it.",
        )


def _slow(found: QueryFacts, now: int) -> Iterator[Alert]:
    """Yield the alert of a run that reads for too long, or did."""
    running, last = found.running, found.last
    if running is not None and running.state == "reading" and _is_slow(running, took := _reads_for(running, now)):
        yield _slow_alert(found.query, running, f"has been reading for {duration(round(took * 1000))}")
    elif last is not None and last.run.state == "submitted" and _is_slow(last.run, took := last.run.seconds or 0.0):
        yield _slow_alert(found.query, last.run, f"read for {duration(round(took * 1000))}")


def _reads_for(run: QueryRun, now: int) -> float:
    return 0.0 if run.started is None else (now - run.started) / 1000


def _is_slow(run: QueryRun, took: float) -> bool:
    return run.usual_seconds is not None and took >= max(_SLOW_S, _TIMES * run.usual_seconds)


def _slow_alert(query: Query, run: QueryRun, what: str) -> Alert:
    usual = duration(round(1_000 * (run.usual_seconds or 0.0)))
    return _alert(
        f"slow/{query.name}",
        query.name,
        f"Query {query.name}: run {run.id} {what}, usually it takes {usual}",
        "Look in the database for locks, a missing index or more data. A run that reads for "
        f"{query.timeout_minutes} min (timeout_minutes) fails, and the list stays as it is.",
    )


def _said(run: QueryRun) -> str:
    return f"failed ({run.error}): the list was not touched" if run.state == "failed" else "missed its last slot"


def _latest(query: Query, run: QueryRun) -> int:
    """Return the ms by which a run should have ended."""
    delay = due.delay_ms(query.name, query.jitter_minutes) if run.slot is not None else 0
    return run.since + delay + query.timeout_minutes * 60_000 + _SLACK_MS


def _alert(what: str, name: str, text: str, remedy: str) -> Alert:
    return Alert(f"queries/{what}", "queries", name, text, remedy)
