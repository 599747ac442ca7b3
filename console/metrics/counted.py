"""The counters that processes keep in `queues/metrics.py`, as metrics. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric

from console.metrics.labels import label
from queues import metrics
from queues.metrics import Counts

_OF_QUEUES: Final = ("connection", "kind")
_OF_REASONS: Final = (*_OF_QUEUES, "reason")
_OF_CALLS: Final = ("connection", "endpoint")
_OF_SOURCES: Final = ("connection", "source")


class _Metric(NamedTuple):
    """A metric. `what`: the name under which it is counted; `unit`: counted units in one unit of the metric."""

    what: str
    name: str
    meaning: str
    labels: tuple[str, ...]
    unit: int = 1


_METRICS: Final = (
    _Metric(metrics.TAKEN, "ferry_batches_taken", "Batches taken, by trigger.", _OF_REASONS),
    _Metric(metrics.DEAD, "ferry_dead_letters", "Changes that became dead letters.", _OF_REASONS),
    _Metric(metrics.CLAMPED, "ferry_time_clamped", "Changes whose time was set to their arrival.", _OF_SOURCES),
    _Metric(metrics.IDENTITY, "ferry_identity", "Findings about people's identifiers.", _OF_REASONS),
    _Metric(metrics.RETRIES, "ferry_delivery_retries", "Deliveries postponed for a retry.", _OF_REASONS),
    _Metric(metrics.LAPSED, "ferry_lease_expiries", "Leases that expired while a worker held them.", _OF_QUEUES),
    _Metric(metrics.CALLS, "ferry_klaviyo_calls", "Requests to Klaviyo.", _OF_CALLS),
    _Metric(metrics.THROTTLED, "ferry_klaviyo_throttled", "Requests that Klaviyo answered with 429.", _OF_CALLS),
    _Metric(
        metrics.PARTIAL_FAILURES,
        "ferry_klaviyo_partial_failures",
        "Requests that Klaviyo accepted without one of their fields.",
        (*_OF_CALLS, "field"),
    ),
    _Metric(metrics.WAITS, "ferry_limiter_waits", "Times that Ferry's own limiter had no free slot.", _OF_CALLS),
    _Metric(metrics.WAIT_MS, "ferry_limiter_wait_seconds", "Seconds waited for a slot.", _OF_CALLS, 1000),
)


def of_counted(counts: Counts, own: frozenset[str]) -> Iterator[Metric]:
    """Yield the metrics of all counters. `own`: the connections with their own label."""
    summed: Counter[tuple[str, ...]] = Counter()
    for (what, connection, *labels), count in counts.items():
        summed[what, label(connection, own), *labels] += count
    for metric in _METRICS:
        family = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for (what, *labels), count in sorted(summed.items()):
            if what == metric.what:
                family.add_metric(labels, count / metric.unit)
        yield family
    yield _imports(summed)
    restarts = CounterMetricFamily("ferry_worker_restarts", "RQ's workers that ended by themselves.")
    if metrics.RESTARTED in counts:
        restarts.add_metric([], counts[metrics.RESTARTED])
    yield restarts


def _imports(summed: Counter[tuple[str, ...]]) -> Metric:
    family = HistogramMetricFamily(
        "ferry_import_job_duration_seconds",
        "Klaviyo's import jobs, from creation to completion.",
        labels=["connection"],
    )
    ends = [*(f"{seconds:.1f}" for seconds in metrics.BOUNDS), "+Inf"]
    for connection in sorted({labels[1] for labels in summed if labels[0] == metrics.IMPORTS}):
        each = (summed[metrics.IMPORTS, connection, bound] for bound in (*map(str, metrics.BOUNDS), metrics.BEYOND))
        took = summed[metrics.IMPORT_MS, connection] / 1000
        family.add_metric([connection], list(zip(ends, accumulate(each), strict=True)), took)
    return family
