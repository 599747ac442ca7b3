"""For tests of scheduled queries: queries made by hand, and the time at which they run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from redis import Redis

from configuration.queries import Query
from queues import keys
from queues.clock import now_ms
from queues.queries import good, leases, records, slots
from queues.queries.records import QueryRun, QueryState
from queues.snapshots import orders
from queues.snapshots.records import Counts, Outcomes, Record, SnapshotOrder, State

NAME = "vips"
HOURLY = "0 * * * *"


def ms(text: str) -> int:
    """ISO 8601 in UTC -> ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def query(**more: Any) -> Query:
    """An hourly query of a table."""
    return Query(**{"name": NAME, "source": "shop", "table": "vips", "list_name": "VIPs", "schedule": HOURLY, **more})


def state(redis: Redis, name: str = NAME) -> QueryState:
    """What the ledger knows of a query."""
    return records.states(redis, [name])[name]


def last(redis: Redis, name: str = NAME) -> QueryRun:
    """The newest run of a query."""
    return records.runs(redis, name)[0]


def states(redis: Redis, name: str = NAME) -> list[str]:
    """The states of the runs of a query, oldest first."""
    return [run.state for run in reversed(records.runs(redis, name))]


def good_run(redis: Redis, name: str = NAME) -> str:
    """A worker has read three rows and submitted them, and their changes are queued; the id of the run."""
    run_id, _ = slots.order(redis, name, "cli:ann", now_ms())
    held = leases.take(redis, run_id, "shop", 1, now_ms(), 60_000, 5_000)
    assert held is not None
    held.run.state, held.run.ended, held.run.rows, held.run.seconds = "submitted", now_ms(), 3, 1.5
    assert leases.end(redis, held, {})
    assert good.accepted(redis, run_id, now_ms(), {})
    return run_id


def compared_run(redis: Redis, counts: Counts, ends: Outcomes, state: State = "delivering", **more: Any) -> QueryRun:
    """A run whose result was submitted and compared with the list. `state`, `more`: of the snapshot's record."""
    run_id, _ = slots.order(redis, NAME, "cli:ann", now_ms())
    held = leases.take(redis, run_id, "shop", 1, now_ms(), 60_000, 5_000)
    assert held is not None
    queue = orders.queue_of("default", NAME)
    order = SnapshotOrder(orders.new_id(queue), now_ms(), "ndjson")
    record = Record(str(queue), order, now_ms(), 1, state, counts, ended=now_ms(), outcomes=ends, **more)
    orders.submit(redis, queue, record, b"", now_ms())
    held.run.state, held.run.ended, held.run.rows = "submitted", now_ms(), counts.rows
    held.run.snapshot, held.run.sql_changed = order.snapshot, True
    assert leases.end(redis, held, {})
    assert good.accepted(redis, run_id, now_ms(), {})
    return held.run


def lease_over(redis: Redis, run_id: str) -> None:
    """The worker of a run has been silent for too long."""
    redis.hset(keys.query_run(run_id), "lease", 1)
    redis.zadd(keys.QUERY_RING, {run_id: 1})
    for source in redis.scan_iter(keys.query_source("*")):
        redis.zadd(source, {run_id: 1}, xx=True)
