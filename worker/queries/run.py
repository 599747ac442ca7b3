"""`run(run_id)`: the task of a worker that is rung for the run of a query.

The whole result is read before anything is submitted, so that a connection that breaks off never looks like a short
result. A worker that dies leaves a run that begins again from the start.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from configuration.queries import DataSource, Query, query_named, source_of
from logs import log_ids
from queues import doorbell
from queues.clock import now_ms
from queues.errors import QueueFull
from queues.names import Queue
from queues.queries import leases, records
from queues.queries.leases import HeldRun
from queues.snapshots import guard, orders
from queues.snapshots.records import Record
from sources.errors import SourceError
from text.wording import sentence
from worker.errors import DeliveryFailed
from worker.process import ledger, settings_of_process
from worker.queries.result import facts_of, note_usual, staged

log = logging.getLogger(__name__)

#: ms of a lease, and seconds between two renewals.
LEASE_MS: Final = 60_000
RENEW_S: Final = 5.0
#: ms until a worker is rung again for a run whose source is busy.
BUSY_MS: Final = 5_000
#: Workers that may die while they read.
MAX_STARTS: Final = 3
_UNTOUCHED: Final = "The list was not touched."
_LEDGER_FULL: Final = "Redis is nearly full: raise maxmemory, or let the queues drain"


def run(run_id: str) -> None:
    """Read the result of the run's query and submit it. This is the task of the RQ job, which carries only the id.

    Raises DeliveryFailed, and redis.RedisError before it holds the run; in both cases a worker is rung again.
    """
    settings = settings_of_process()
    query = query_named(settings.queries, records.query_of(run_id))
    source = source_of(query, settings.sources) if query else None
    with log_ids.bound(run=run_id), ledger() as redis:
        places = (source.name, source.runs_at_once) if source else ("unknown", 1)
        held = leases.take(redis, run_id, *places, now_ms(), LEASE_MS, BUSY_MS)
        if held is None:
            log.info("run %s: ended, held by another worker, or waiting for its source; nothing to do", run_id)
            return
        try:
            _until_interrupted(redis, held, query, source)
        except Exception as fault:  # noqa: BLE001  # any failure
            # RQ logs and stores the exception, so its message must go: it may contain personal data.
            raise DeliveryFailed(run_id, fault, "run") from None


def _until_interrupted(redis: Redis, held: HeldRun, query: Query | None, source: DataSource | None) -> None:
    try:
        if query is None or source is None:
            _fail(redis, held, "query_unknown", _unknown(held.run.query))
            return
        with _renewing(redis, held) as stop:
            _carry_out(redis, held, query, source, stop)
    except doorbell.INTERRUPTIONS:
        leases.give_back(redis, held, now_ms())
        log.warning("run %s: interrupted and given back; the next worker begins it again", held.run.id)


def _unknown(name: str) -> str:
    return (
        f"The worker knows no query {name!r}: connections.toml had none when it started. If the query is there now, "
        "restart Ferry and run the query again"
    )


@contextmanager
def _renewing(redis: Redis, held: HeldRun) -> Iterator[threading.Event]:
    """Renew the lease in a thread while the block runs; yield what is set when the run is lost or to be cancelled.

    In a thread, because a database may take minutes before it sends the first row.
    """
    stop, done = threading.Event(), threading.Event()

    def renew() -> None:
        while not done.wait(RENEW_S):
            try:
                if not leases.renew(redis, held, now_ms(), LEASE_MS) or held.cancelled:
                    stop.set()
            except RedisError as fault:
                log.warning("run %s: its lease is not renewed (%s); tried again", held.run.id, type(fault).__name__)

    thread = threading.Thread(target=renew, name="run-lease", daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        done.set()
        thread.join()


def _carry_out(redis: Redis, held: HeldRun, query: Query, source: DataSource, stop: threading.Event) -> None:
    if held.run.snapshot and (known := orders.record(redis, held.run.snapshot)):
        # The worker before died while it submitted: that is repeated, and too late to cancel. Nothing is read again.
        return _submit(redis, held, query, known)
    if held.cancelled:
        return _cancelled(redis, held)
    if held.crashes >= MAX_STARTS:
        why = f"{held.crashes} attempts ended without a result: their workers died or failed, see their logs"
        return _fail(redis, held, "crashed_worker", why)
    held.run.state, held.run.started = "reading", now_ms()
    note_usual(redis, held.run)
    if not leases.renew(redis, held, now_ms(), LEASE_MS):
        return _lost(held)
    if record := _read(redis, held, query, source, stop):
        _submit(redis, held, query, record)
    return None


def _read(redis: Redis, held: HeldRun, query: Query, source: DataSource, stop: threading.Event) -> Record | None:
    """Return the snapshot to submit; None if the run has ended otherwise, or is lost."""
    try:
        record = staged(redis, held.run, query, source, stop.is_set)
    except SourceError as fault:
        if not stop.is_set():
            _fail(redis, held, fault.code, str(fault))
        elif held.cancelled:
            _cancelled(redis, held)
        else:
            _lost(held)
        return None
    except OutOfMemoryError:
        _fail(redis, held, "ledger_full", _LEDGER_FULL)
        return None
    if held.cancelled:
        _cancelled(redis, held)
        return None
    return record


def _submit(redis: Redis, held: HeldRun, query: Query, record: Record) -> None:
    """Submit the snapshot and end the run; may be repeated."""
    # Noted first: a worker that takes over submits this snapshot, and not a second one.
    held.run.snapshot = record.order.snapshot
    if not leases.renew(redis, held, now_ms(), LEASE_MS):
        return _lost(held)
    queue = Queue.parse(record.queue)
    try:
        # One that goes on already was accepted: a repetition for which there is no room would withdraw it.
        if record.state == "queued":
            guard.submit(redis, queue, record, msgspec.json.encode(facts_of(redis, query)))
    except QueueFull:
        return _fail(
            redis, held, "queue_full", f"the queue {queue} is full: wait until workers have carried out pending ones"
        )
    except OutOfMemoryError:
        return _fail(redis, held, "ledger_full", _LEDGER_FULL)
    held.run.state, held.run.ended = "submitted", now_ms()
    if not leases.end(redis, held, {"skips": 0}):
        return _lost(held)
    log.info("run %s: %d rows read; submitted as snapshot %s", held.run.id, held.run.rows or 0, held.run.snapshot)
    return None


def _fail(redis: Redis, held: HeldRun, code: str, why: str) -> None:
    held.run.state, held.run.ended, held.run.snapshot = "failed", now_ms(), ""
    held.run.error, held.run.remedy = code, f"{_UNTOUCHED} {sentence(why).rstrip('.')}."
    if not leases.end(redis, held, {}):
        return _lost(held)
    log.error("run %s: failed (%s); the list was not touched; the next run tries again", held.run.id, code)
    return None


def _cancelled(redis: Redis, held: HeldRun) -> None:
    held.run.state, held.run.ended, held.run.snapshot = "cancelled", now_ms(), ""
    held.run.remedy = f"Somebody cancelled it. {_UNTOUCHED}"
    if leases.end(redis, held, {}):
        log.warning("run %s: cancelled; the list was not touched", held.run.id)


def _lost(held: HeldRun) -> None:
    log.warning("run %s: another worker has it now; this one drops it", held.run.id)
