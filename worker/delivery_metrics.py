"""The metrics that deliveries count.

The number of Klaviyo's own reasons is unlimited: dead letters show them, the metrics count them as `other`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from redis import Redis

from klaviyo.imports import ImportJob
from klaviyo.outcomes import Outcome, Retry
from mappings.errors import Reason
from queues import metrics
from queues.names import Queue

OTHER: Final = "other"
#: Reasons of dead letters that a delivery gives, besides those of the mappings.
OF_DELIVERY: Final = frozenset(
    {
        "ambiguous_person",
        "bad_request",
        "crashed_worker",
        "erasure_needs_a_look",
        "event_too_large",
        "gave_up",
        "global_unsubscribe_not_allowed",
        "identifier_blocked",
        "identifier_shared",
        "identity_clash",
        "import_failed",
        "import_unconfirmed",
        "list_gone",
        "list_refused",
        "mapping_failed",
        "merged_profile",
        "not_on_list",
        "not_removed",
        "order_unreadable",
        "profile_too_large",
        "profile_unknown",
        "snapshot_endless",
        "snapshot_gone",
        "snapshot_unreadable",
        "too_large",
        "url_too_long",
    }
)
_OF_DEATH: Final = OF_DELIVERY | frozenset(Reason)
#: Other codes that are counted: warnings of a delivery, and findings about identifiers.
OF_IDENTITY: Final = frozenset(
    {
        *("identifier_blocked", "identifier_kept", "identifier_shared", "identifier_taken"),
        *("late", "not_on_list", "shared_value", "unremembered"),
    }
)
_OF_RETRY: Final = frozenset(
    {"daily_limit", "edge_block", "http", "list_not_echoed", "network", "own_limit", "throttled", "unexpected_answer"}
)


class CallMeter:
    """Counts the calls of one connection."""

    def __init__(self, redis: Redis, connection: str) -> None:
        self._redis, self._connection = redis, connection

    def calls(self, endpoint: str) -> None:
        """See `klaviyo.meter.Meter`."""
        self._count({metrics.CALLS: 1}, endpoint)

    def throttled(self, endpoint: str) -> None:
        """See `klaviyo.meter.Meter`."""
        self._count({metrics.THROTTLED: 1}, endpoint)

    def waits(self, endpoint: str, seconds: float) -> None:
        """See `klaviyo.meter.Meter`."""
        self._count({metrics.WAITS: 1, metrics.WAIT_MS: round(seconds * 1000)}, endpoint)

    def partial_failure(self, endpoint: str, field: str) -> None:
        """See `klaviyo.meter.Meter`."""
        self._count({metrics.PARTIAL_FAILURES: 1}, endpoint, field)

    def _count(self, figures: dict[str, int], *labels: str) -> None:
        metrics.count(self._redis, {(what, self._connection, *labels): more for what, more in figures.items()})


def died(redis: Redis, queue: Queue, reasons: Iterable[str]) -> None:
    """Count the changes that became dead letters, by reason."""
    labels = (reason if reason in _OF_DEATH else OTHER for reason in reasons)
    metrics.count(redis, Counter(metrics.of(metrics.DEAD, queue, reason) for reason in labels))


def identity(redis: Redis, queue: Queue, counts: Mapping[str, int]) -> None:
    """Count the findings about people's identifiers, by code; codes outside OF_IDENTITY are ignored."""
    found = {metrics.of(metrics.IDENTITY, queue, code): more for code, more in counts.items() if code in OF_IDENTITY}
    metrics.count(redis, found)


def retried(redis: Redis, queue: Queue, outcome: Outcome) -> None:
    """Count a retry of a delivery, by its cause."""
    # The part after network: or http_ would make too many labels; the log has it.
    why = outcome.why.partition(":")[0] if isinstance(outcome, Retry) else OTHER
    why = "http" if why.startswith("http_") else why
    metrics.count(redis, {metrics.of(metrics.RETRIES, queue, why if why in _OF_RETRY else OTHER): 1})


def lost(redis: Redis, queue: Queue) -> None:
    """Count an import job that Klaviyo has cancelled or does not know; its people are uploaded again."""
    metrics.count(redis, {metrics.of(metrics.RETRIES, queue, "import_lost"): 1})


def lapsed(redis: Redis, queue: Queue) -> None:
    """Count a lease that a worker let expire."""
    metrics.count(redis, {metrics.of(metrics.LAPSED, queue): 1})


def imported(redis: Redis, queue: Queue, job: ImportJob) -> None:
    """Count a complete import job, unless Klaviyo does not tell how long it took."""
    if job.took_ms is not None:
        metrics.count(redis, metrics.of_import(queue.connection, job.took_ms))
