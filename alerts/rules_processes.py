"""What is wrong with the processes and the things they need. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from alerting import Limits
from alerts.facts import Facts
from alerts.rules_queues import MINUTE_MS
from klaviyo.revision import RETIRED, REVISION
from queues import rollback
from queues.alerts import Alert
from wording import sentence, span


def of_processes(facts: Facts, limits: Limits) -> Iterator[Alert]:
    """The alerts that concern no single queue."""
    now = facts.census.at
    yield from _scheduler(now - facts.scheduler, limits)
    yield from _worker(now - facts.worker, limits)
    yield from _memory(facts, limits)
    yield from _contents(facts, limits)
    yield from _revision(datetime.fromtimestamp(now / 1000, UTC).date(), limits)


def _scheduler(silent: int, limits: Limits) -> Iterator[Alert]:
    if silent > limits.scheduler_silent_minutes * MINUTE_MS:
        text = f"No scheduler has ticked for {span(silent)}: nothing is taken from the queues"
        remedy = "Start `ferry scheduler`; where it runs, see its log."
        yield Alert("scheduler_silent", "scheduler_silent_minutes", "scheduler", text, remedy)


def _worker(missing: int, limits: Limits) -> Iterator[Alert]:
    if missing > limits.no_worker_minutes * MINUTE_MS:
        text = f"No worker has listened for {span(missing)}: nothing is delivered"
        remedy = "Start `ferry worker`; where it runs, see its log."
        yield Alert("no_worker", "no_worker_minutes", "worker", text, remedy)


def _memory(facts: Facts, limits: Limits) -> Iterator[Alert]:
    used, most = facts.memory_used, facts.memory_most
    if used * 100 > limits.redis_memory_percent * most > 0:
        text = (
            f"Redis uses {used * 100 // most} % of its memory ({used / 1e6:.0f} MB of {most / 1e6:.0f} MB), "
            f"more than {limits.redis_memory_percent} %"
        )
        remedy = (
            "Raise maxmemory, or let the queues drain: from 80 % on nothing new is remembered of people, so that they "
            "are looked up at Klaviyo each time; from 90 % on senders are answered 503."
        )
        yield Alert("redis_memory", "redis_memory_percent", "redis", text, remedy)


def _contents(facts: Facts, limits: Limits) -> Iterator[Alert]:
    """The ledger was emptied or went back in time, and nobody has acknowledged it."""
    if limits.ledger_rolled_back and (fall := facts.census.fall):
        yield Alert("ledger_rolled_back", "ledger_rolled_back", "redis", sentence(str(fall)), rollback.REMEDY)


def _revision(today: date, limits: Limits) -> Iterator[Alert]:
    """Klaviyo keeps a revision for two years (klaviyo/revision.py), and warns of the end by no header."""
    if today >= date.fromisoformat(RETIRED) - timedelta(days=limits.revision_days):
        text = f"Klaviyo retires revision {REVISION}, which this Ferry speaks, on {RETIRED}"
        yield Alert("revision", "revision_days", "klaviyo", text, "Update Ferry before.")
