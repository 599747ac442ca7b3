"""Counters of what the ledger does not count itself: one hash for all processes, because a worker forks for each job.

A count may be lost, or made twice where Redis' answer to it is lost; it never stops what it counts.
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

#: (what is counted, its labels) -> how many. Whoever counts sees to it that a label has few values, and none that a
#: sender or Klaviyo makes up: the hash keeps each for good.
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

#: Seconds. An import counts under the first that it did not take longer than, else under BEYOND. Each is kept in the
#: ledger, so none may ever change.
BOUNDS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
BEYOND: Final = "beyond"

_field = msgspec.json.Encoder().encode
_labels = msgspec.json.Decoder(tuple[str, ...]).decode
#: Whether the log says that counts are lost, since the last one that was not.
_said = Event()


def count(redis: Redis, counts: Counts) -> None:
    """Add these, in one round trip; none for nothing. Does not raise when Redis fails: that is logged once."""
    if not counts:
        return
    try:
        with redis.pipeline(transaction=False) as pipe:
            _queue_up(pipe, counts)
            pipe.execute()
    except RedisError as fault:
        _lost(fault)
    else:
        _said.clear()


async def count_async(redis: AsyncRedis, counts: Counts) -> None:
    """The same for the intake."""
    if not counts:
        return
    try:
        async with redis.pipeline(transaction=False) as pipe:
            _queue_up(pipe, counts)
            await pipe.execute()
    except (RedisError, OSError) as fault:
        _lost(fault)
    else:
        _said.clear()


def read(redis: Redis) -> Counts:
    """Everything counted so far. Raises redis.RedisError."""
    found = cast("dict[bytes, bytes]", redis.hgetall(keys.METRICS))
    return {_labels(field): int(value) for field, value in found.items()}


def of(what: str, queue: Queue, *more: str) -> tuple[str, ...]:
    """What is counted by queues: its labels."""
    return (what, queue.connection, queue.kind, *more)


def of_import(connection: str, ms: int) -> Counts:
    """An import job that took so long."""
    bound = next((str(seconds) for seconds in BOUNDS if ms <= seconds * 1000), BEYOND)
    return {(IMPORTS, connection, bound): 1, (IMPORT_MS, connection): ms}


def on_arrival(written: Iterable[Acceptance]) -> Counts:
    """The changes that were accepted as dead letters, and those whose time could not be."""
    counts: Counter[tuple[str, ...]] = Counter()
    for each in written:
        counts.update(of(DEAD, each.queue, letter.reason) for letter in each.dead)
        if each.clamped:
            counts[CLAMPED, each.queue.connection, each.source] += each.clamped
    return counts


def _queue_up(pipe: Any, counts: Counts) -> None:
    for labels, more in counts.items():
        pipe.hincrby(keys.METRICS, _field(labels), more)


def _lost(fault: Exception) -> None:
    if not _said.is_set():
        _said.set()
        log.warning(
            "what /metrics counts is lost from now on, for Redis does not take it (%s); deliveries go on, see "
            "`ferry doctor`",
            type(fault).__name__,
        )
