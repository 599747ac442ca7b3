"""Counters beyond those of the ledger: one hash for all processes, because a worker forks for each job.

A count may be lost, or made twice if Redis's answer is lost; counting never stops the counted work.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from threading import Event
from typing import Any, Final, cast

import msgspec
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from queues import keys
from queues.acceptance import Acceptance
from queues.names import Queue

log = logging.getLogger(__name__)

#: (metric, labels) -> count. The caller ensures that a label has few values, and none that a sender or Klaviyo can make
#: up, because the hash keeps each permanently.
Counts = Mapping[tuple[str, ...], int]

#: Labels: connection, kind, reason.
TAKEN: Final = "taken"
DEAD: Final = "dead"
RETRIES: Final = "retries"
IDENTITY: Final = "identity"
#: Labels: connection, source.
CLAMPED: Final = "clamped"
#: Labels: connection, kind.
LAPSED: Final = "lapsed"
#: Labels: connection, endpoint (Klaviyo's operation id).
CALLS: Final = "calls"
THROTTLED: Final = "throttled"
WAITS: Final = "waits"
WAIT_MS: Final = "wait_ms"
#: Labels: connection, endpoint, field.
PARTIAL_FAILURES: Final = "partial_failures"
#: Labels: connection, bound.
IMPORTS: Final = "imports"
#: Label: connection.
IMPORT_MS: Final = "import_ms"

#: RQ's workers that ended by themselves and were replaced; without a connection.
RESTARTED: Final = ("worker_restarts", "")

#: Seconds. An import counts under the first bound that it did not exceed, else under BEYOND. The bounds are stored in
#: the ledger, so none may ever change.
BOUNDS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
BEYOND: Final = "beyond"

_field = msgspec.json.Encoder().encode
_labels = msgspec.json.Decoder(tuple[str, ...]).decode
#: Whether the log has a warning about lost counts since the last successful one.
_warned = Event()


def count(redis: Redis, counts: Counts) -> None:
    """Add these counts in one round trip. Does not raise when Redis fails, which is logged once."""
    if not counts:
        return
    try:
        with redis.pipeline(transaction=False) as pipe:
            queue_up(pipe, counts)
            pipe.execute()
    except RedisError as fault:
        _lost(fault)
    else:
        _warned.clear()


async def count_async(redis: AsyncRedis, counts: Counts) -> None:
    """Add these counts for the intake, as `count` does."""
    if not counts:
        return
    try:
        async with redis.pipeline(transaction=False) as pipe:
            queue_up(pipe, counts)
            await pipe.execute()
    except (RedisError, OSError) as fault:
        _lost(fault)
    else:
        _warned.clear()


def read(redis: Redis) -> Counts:
    """Return all counts so far. Raises redis.RedisError."""
    found = cast("dict[bytes, bytes]", redis.hgetall(keys.METRICS))
    return {_labels(field): int(value) for field, value in found.items()}


def of(what: str, queue: Queue, *more: str) -> tuple[str, ...]:
    """Return the labels of a count per queue."""
    return (what, queue.connection, queue.kind, *more)


def of_import(connection: str, ms: int) -> Counts:
    """Return the counts of an import job that took `ms`."""
    bound = next((str(seconds) for seconds in BOUNDS if ms <= seconds * 1000), BEYOND)
    return {(IMPORTS, connection, bound): 1, (IMPORT_MS, connection): ms}


def on_arrival(written: Iterable[Acceptance]) -> Counts:
    """Return the counts of changes accepted as dead letters and of changes with an impossible time."""
    counts: Counter[tuple[str, ...]] = Counter()
    for each in written:
        for letter in each.dead:
            counts[of(DEAD, each.queue, letter.reason)] += 1
        if each.clamped:
            counts[CLAMPED, each.queue.connection, each.source] += each.clamped
    return counts


def queue_up(pipe: Any, counts: Counts) -> None:
    """Put the addition of these counts into a pipeline."""
    for labels, more in counts.items():
        pipe.hincrby(keys.METRICS, _field(labels), more)


def note_lost(answers: Iterable[Any]) -> None:
    """Log the first error among the answers to what `queue_up` queued."""
    if fault := next((answer for answer in answers if isinstance(answer, RedisError)), None):
        _lost(fault)


def _lost(fault: Exception) -> None:
    if not _warned.is_set():
        _warned.set()
        log.warning(
            "the counts of /metrics are being lost, because Redis does not accept them (%s); deliveries go on, see "
            "`ferry doctor`",
            type(fault).__name__,
        )


class CallMeter:
    """Counts the calls of one connection; a `klaviyo.meter.Meter`."""

    def __init__(self, redis: Redis, connection: str) -> None:
        self._redis, self._connection = redis, connection

    def calls(self, endpoint: str) -> None:
        """See `klaviyo.meter.Meter`."""
        self._count({CALLS: 1}, endpoint)

    def throttled(self, endpoint: str) -> None:
        """See `klaviyo.meter.Meter`."""
        self._count({THROTTLED: 1}, endpoint)

    def waits(self, endpoint: str, seconds: float) -> None:
        """See `klaviyo.meter.Meter`."""
        self._count({WAITS: 1, WAIT_MS: round(seconds * 1000)}, endpoint)

    def partial_failure(self, endpoint: str, field: str) -> None:
        """See `klaviyo.meter.Meter`."""
        self._count({PARTIAL_FAILURES: 1}, endpoint, field)

    def _count(self, figures: dict[str, int], *labels: str) -> None:
        count(self._redis, {(what, self._connection, *labels): more for what, more in figures.items()})


class BatchMeter(CallMeter):
    """A meter whose calls are counted with the renewal of the batch's lease, which follows each (`batches.renew`)."""

    def __init__(self, redis: Redis, connection: str) -> None:
        super().__init__(redis, connection)
        self._due: Counter[tuple[str, ...]] = Counter()

    def calls(self, endpoint: str) -> None:
        """See `klaviyo.meter.Meter`."""
        self._due[CALLS, self._connection, endpoint] += 1

    def due(self) -> Counts:
        """Return the counts since the last time, for the caller to add."""
        due, self._due = self._due, Counter()
        return due
