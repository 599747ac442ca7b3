"""What processes have counted in `queues/metrics.py`, as metrics. Pure."""

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
    """A metric of what is counted as `what`; `unit`: how many of it make one."""

    what: str
    name: str
    meaning: str
    labels: tuple[str, ...]
    unit: int = 1


_TOLD: Final = (
    _Metric(metrics.TAKEN, "ferry_batches_taken", "Batches taken, by what made the queue due.", _OF_REASONS),
    _Metric(metrics.DEAD, "ferry_dead_letters", "Changes that became dead letters.", _OF_REASONS),
    _Metric(metrics.CLAMPED, "ferry_time_clamped", "Changes that count as of their arrival.", _OF_SOURCES),
    _Metric(metrics.IDENTITY, "ferry_identity", "What was found of people's identifiers.", _OF_REASONS),
    _Metric(metrics.RETRIES, "ferry_delivery_retries", "Deliveries put off until later.", _OF_REASONS),
    _Metric(metrics.LAPSED, "ferry_lease_expiries", "Leases that ran out in a worker's hands.", _OF_QUEUES),
    _Metric(metrics.CALLS, "ferry_klaviyo_calls", "Requests to Klaviyo.", _OF_CALLS),
    _Metric(metrics.THROTTLED, "ferry_klaviyo_throttled", "Requests that Klaviyo answered with 429.", _OF_CALLS),
    _Metric(
        metrics.PARTIAL_FAILURES,
        "ferry_klaviyo_partial_failures",
        "Requests that Klaviyo took without one of their fields.",
        (*_OF_CALLS, "field"),
    ),
    _Metric(metrics.WAITS, "ferry_limiter_waits", "Times that Ferry's own limiter had no slot.", _OF_CALLS),
    _Metric(metrics.WAIT_MS, "ferry_limiter_wait_seconds", "Seconds waited for a slot.", _OF_CALLS, 1000),
)


def of_counted(counts: Counts, own: frozenset[str]) -> Iterator[Metric]:
    """All of it. `own`: the connections with labels of their own."""
    summed: Counter[tuple[str, ...]] = Counter()
    for (what, connection, *labels), count in counts.items():
        summed[what, label(connection, own), *labels] += count
    for told in _TOLD:
        family = CounterMetricFamily(told.name, told.meaning, labels=told.labels)
        for (what, *labels), count in sorted(summed.items()):
            if what == told.what:
                family.add_metric(labels, count / told.unit)
        yield family
    yield _imports(summed)


def _imports(summed: Counter[tuple[str, ...]]) -> Metric:
    family = HistogramMetricFamily(
        "ferry_import_job_duration_seconds",
        "Klaviyo's import jobs, from their creation to the end.",
        labels=["connection"],
    )
    ends = [*(f"{seconds:.1f}" for seconds in metrics.BOUNDS), "+Inf"]
    for connection in sorted({labels[1] for labels in summed if labels[0] == metrics.IMPORTS}):
        each = (summed[metrics.IMPORTS, connection, bound] for bound in (*map(str, metrics.BOUNDS), metrics.BEYOND))
        took = summed[metrics.IMPORT_MS, connection] / 1000
        family.add_metric([connection], list(zip(ends, accumulate(each), strict=True)), took)
    return family
