"""Figure: a snapshot of very many people, carried out by a worker process, and then the same snapshot again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from bench import deliveries, snapshots_memory
from bench.emulated import emulator
from bench.errors import BenchError
from bench.report import Figure, Row, Verdict
from bench.sizes import Sizes
from bench.snapshots_peak import Peak
from klaviyo.endpoints import LIST_PROFILES, PUBLISHED
from klaviyo.imports import MAX_ROWS
from klaviyo.lookups import MAX_VALUES
from queues import keys, pending
from queues.clock import now_ms
from queues.rate_limits import SHARE
from queues.snapshots import orders
from queues.snapshots.orders import Counts, Record, SnapshotOrder
from text.wording import plural

#: MB that a worker may use for a snapshot of any size.
TARGET_MB = 300.0
_QUEUE = orders.queue_of("default", "1")
_AUDIENCE = orders.audience_of(_QUEUE)
_NAME = "Everybody"
_PATIENCE = 1_800.0
_LOOK = 0.1
_HOW = f"""\
The snapshot is a CSV with an e-mail address in each row, staged in pieces as the intake does it. The time runs from its
submission until the one worker process has read it, compared it with the membership ledger and queued its changes, in
uploads of {MAX_ROWS:,}; the list is empty before. Delivered means found on the list, with a look-up for each
{MAX_VALUES} people. Neither Ferry nor the emulator applies Klaviyo's limits here; under them the look-ups alone would
take {{proof}}. When everything is delivered, the same snapshot is sent again, and only reading requests may
reach Klaviyo. Peak memory is the largest VmHWM of the worker and the deliveries that it forks, from the first snapshot
to the end of the second. The Redis memory of a member is measured separately, with addresses that compress badly,
because those of the snapshot are similar."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The result. `first_s`, `again_s`: seconds until the changes were queued. `delivered_s`: seconds from then on."""

    first_s: float
    delivered_s: float
    again_s: float
    sent_again: int
    peak_mb: float


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure a snapshot of so many members, twice. Raises BenchError when the list does not match it."""
    carried = rows(sizes.members, run(sizes.members, folder))
    proof = sizes.members / MAX_VALUES / PUBLISHED[LIST_PROFILES.name].less(SHARE).steady
    how = _HOW.format(proof=plural(round(proof), "minute"))
    return Figure("Snapshots", how, [*carried, *_weights(sizes.members, folder)])


def run(people: int, folder: Path) -> Measured:
    """Start an installation and carry out both snapshots. Raises BenchError."""
    more = {"FERRY_FLUSH_SIZE": str(MAX_ROWS), "FERRY_UPLOAD_MAX": str(MAX_ROWS)}
    with (
        emulator(folder) as klaviyo,
        deliveries.without_intake(folder, {**klaviyo.settings, **more}, 1, limits=False) as (redis, workers),
        Peak(workers) as peak,
    ):
        first_s = _carried_out(redis, people, Counts(rows=people, people=people, adds=people))
        began = time.monotonic()
        # Not the census: it reads every open batch and would slow down what is measured.
        _wait(lambda: int(redis.hget(keys.queue(_AUDIENCE), "delivered") or 0) == people)
        delivered_s = time.monotonic() - began
        if (found := klaviyo.members(_NAME)) != people:
            raise BenchError(f"{found} people are on the list instead of {people}")
        since = klaviyo.last()
        again_s = _carried_out(redis, people, Counts(rows=people, people=people, held=people, unchanged=people))
        return Measured(first_s, delivered_s, again_s, klaviyo.writes(since), peak.mb)


def rows(people: int, found: Measured) -> list[Row]:
    """Return the rows of the table."""
    small = found.peak_mb < TARGET_MB
    again = found.sent_again
    return [
        Row(f"Snapshot of {people:,} people, until queued", f"{found.first_s:.0f} s", "", Verdict()),
        Row("The same delivered, to an emulator without limits", f"{found.delivered_s:.0f} s", "", Verdict()),
        Row("The same snapshot again", f"{found.again_s:.0f} s", "", Verdict(f"{found.again_s / found.first_s:.2f}x")),
        Row("Writing requests to Klaviyo for it", f"{again}", "", Verdict("", "0", again == 0)),
        Row("Peak memory of a worker", f"{found.peak_mb:.0f} MB", "", Verdict("", f"< {TARGET_MB:.0f} MB", small)),
    ]


def _weights(people: int, folder: Path) -> Iterator[Row]:
    for attributes in (0, 10):
        weight = snapshots_memory.measure(people, attributes, folder)
        yield Row(f"Redis memory of a member, {attributes} attributes", f"{weight:.0f} bytes", "", Verdict())


def _carried_out(redis: Redis, people: int, expected: Counts) -> float:
    """Submit a snapshot; return the seconds until it was queued. Raises BenchError when the counts differ."""
    name, size = orders.new_id(_QUEUE), 0
    for number, piece in enumerate(_pieces(people)):
        orders.stage(redis, name, number, orders.compress(piece))
        size += len(piece)
    order = SnapshotOrder(name, now_ms(), "csv", rows=people, confirmed=True, name=_NAME)
    began = time.monotonic()
    orders.submit(redis, _QUEUE, Record(str(_QUEUE), order, now_ms(), size), b"", now_ms())
    pending.wake(redis)
    _wait(lambda: _record(redis, name).ended is not None)
    seconds, record = time.monotonic() - began, _record(redis, name)
    counts = record.counts or Counts()
    asked = ("rows", "people", "held", "adds", "updates", "removals", "unchanged")
    differs = any(getattr(counts, field) != getattr(expected, field) for field in asked)
    if record.state not in ("delivering", "delivered") or differs:
        raise BenchError(f"the snapshot ended as {record.state}: {record.error} {counts}, expected {expected}")
    return seconds


def _record(redis: Redis, name: str) -> Record:
    record = orders.record(redis, name)
    if record is None:
        raise BenchError(f"snapshot {name} has no record")
    return record


def _pieces(people: int) -> Iterator[bytes]:
    """Yield the body in pieces: the header, then full pieces of lines, one for each person."""
    yield b"email\n"
    portion = orders.PIECE // len(_line(0))
    for first in range(0, people, portion):
        yield b"".join(_line(number) for number in range(first, min(first + portion, people)))


def _line(number: int) -> bytes:
    return b"person.%07d@example.com\n" % number


def _wait(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not happened():
        if time.monotonic() > until:
            raise BenchError(f"the snapshot did not finish within {_PATIENCE:g} s; see the logs")
        time.sleep(_LOOK)
