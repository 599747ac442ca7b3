"""The ledger's counts as metrics, read from a census at each scrape. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from console.metrics.labels import OTHER, label
from queues.census import Census
from queues.figures import Figures
from queues.queries.records import QueryRun

_OF_QUEUES: Final = ("connection", "kind")
#: Name, meaning and value of the figures that are summed over queues. Figures that only rise are counters.
_COUNTERS: Final[tuple[tuple[str, str, Callable[[Figures], int]], ...]] = (
    ("ferry_changes_accepted", "Changes accepted.", lambda figures: figures.accepted),
    ("ferry_changes_delivered", "Changes delivered.", lambda figures: figures.delivered),
    (
        "ferry_changes_imported",
        "Changes imported by Klaviyo without proof of the membership.",
        lambda figures: figures.imported,
    ),
    ("ferry_changes_superseded", "Changes replaced by later ones.", lambda figures: figures.superseded),
    (
        "ferry_dead_letters_evicted",
        "Dead letters deleted because of their number or age.",
        lambda figures: figures.evicted,
    ),
)
_GAUGES: Final[tuple[tuple[str, str, Callable[[Figures], int]], ...]] = (
    ("ferry_changes_pending", "Pending changes.", lambda figures: figures.pending),
    ("ferry_changes_open", "Changes in batches in progress.", lambda figures: figures.open),
    ("ferry_changes_dead", "Changes that ended as dead letters and were not replayed.", lambda figures: figures.dead),
    ("ferry_dead_letters_kept", "Dead letters that can be viewed and replayed.", lambda figures: figures.kept),
    # Absolute: a queue with a change missing and a queue with a change too many are two faults, not zero.
    ("ferry_changes_missing", "Changes that the ledger cannot account for.", lambda figures: figures.missing),
)
#: Of the last good run of each query.
_OF_RUNS: Final[tuple[tuple[str, str, Callable[[QueryRun], float]], ...]] = (
    (
        "ferry_query_success_timestamp_seconds",
        "When the last good run ended.",
        lambda run: (run.ended or 0) / 1000,
    ),
    ("ferry_query_rows", "Rows of the last good run.", lambda run: run.rows or 0),
    ("ferry_query_seconds", "Seconds that reading took in the last good run.", lambda run: run.seconds or 0.0),
)
#: RQ's states of a worker.
_STATES: Final = ("busy", "idle", "started", "suspended")


def of_ledger(census: Census, own: frozenset[str]) -> Iterator[Metric]:
    """Yield the metrics of the ledger. `own`: the connections with their own label."""
    for name, meaning, figure in _COUNTERS:
        yield _filled(CounterMetricFamily(name, meaning, labels=_OF_QUEUES), _sums(census, own, figure))
    for name, meaning, figure in _GAUGES:
        yield _filled(GaugeMetricFamily(name, meaning, labels=_OF_QUEUES), _sums(census, own, figure))
    yield _oldest(census, own)
    yield _holds(census, own)
    yield _workers(census)
    yield GaugeMetricFamily("ferry_scheduler_lag_seconds", "Seconds since a scheduler last ticked.", value=_lag(census))


def of_memory(info: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the metrics of Redis' memory. `info`: the section `memory` of Redis' INFO."""
    for name, meaning, field in (
        ("ferry_redis_memory_used_bytes", "Memory that Redis uses.", "used_memory"),
        ("ferry_redis_memory_max_bytes", "Memory that Redis may use; 0: no limit.", "maxmemory"),
    ):
        yield GaugeMetricFamily(name, meaning, value=int(info.get(field, 0)))


def of_queries(good: Mapping[str, QueryRun | None]) -> Iterator[Metric]:
    """Yield the metrics of scheduled queries. `good`: by query, its last good run."""
    runs: dict[tuple[str, ...], QueryRun] = {(name,): run for name, run in good.items() if run is not None}
    for name, meaning, figure in _OF_RUNS:
        values: dict[tuple[str, ...], float] = {labels: figure(run) for labels, run in runs.items()}
        yield _filled(GaugeMetricFamily(name, meaning, labels=("query",)), values)


def _sums(census: Census, own: frozenset[str], figure: Callable[[Figures], int]) -> dict[tuple[str, ...], int]:
    sums: Counter[tuple[str, ...]] = Counter()
    for (connection, kind), figures in census.totals.groups.items():
        sums[label(connection, own), kind] += figure(figures)
    return sums


def _oldest(census: Census, own: frozenset[str]) -> Metric:
    ages: dict[tuple[str, ...], float] = {}
    for (connection, kind), figures in census.totals.groups.items():
        labels = (label(connection, own), kind)
        oldest = census.at if figures.oldest is None else figures.oldest
        ages[labels] = max(ages.get(labels, 0), (census.at - oldest) / 1000)
    family = GaugeMetricFamily(
        "ferry_oldest_pending_age_seconds",
        "Age of the oldest pending change; 0 without pending changes.",
        labels=_OF_QUEUES,
    )
    return _filled(family, ages)


def _holds(census: Census, own: frozenset[str]) -> Metric:
    """Return held queues by kind; a connection that is held as a whole has the kind `connection`."""
    held: Counter[tuple[str, ...]] = Counter(_sums(census, own, lambda figures: figures.held))
    for name in census.totals.connections | census.holds.keys():
        held[label(name, own), "connection"] += name in census.holds
    return _filled(GaugeMetricFamily("ferry_holds", "Queues and connections that are held.", labels=_OF_QUEUES), held)


def _workers(census: Census) -> Metric:
    states = Counter(state if state in _STATES else OTHER for state in census.workers.values())
    found: dict[tuple[str, ...], float] = {(state,): states[state] for state in (*_STATES, OTHER)}
    return _filled(GaugeMetricFamily("ferry_workers", "Worker processes.", labels=("state",)), found)


def _lag(census: Census) -> float:
    """Return the lag in seconds; infinite without a tick in the last minute, so that every threshold is exceeded."""
    return math.inf if census.heartbeat is None else max(0, census.at - census.heartbeat) / 1000


def _filled(family: CounterMetricFamily | GaugeMetricFamily, figures: Mapping[tuple[str, ...], float]) -> Metric:
    for labels, figure in sorted(figures.items()):
        family.add_metric(labels, figure)
    return family
