"""Follow a run of a query until its result is submitted, then its snapshot, then the changes of the snapshot."""

from __future__ import annotations

from typing import Final

from redis import Redis

from configuration.queries import Query
from ops.errors import Failed
from ops.sync import follow as snapshots
from queues.census import take_summary
from queues.names import Queue
from queues.queries import records
from queues.queries.records import QueryRun
from queues.snapshots.records import Record

_DOING: Final = {"queued": "waiting for a worker, or for its turn at the source", "reading": "reading the result"}


def follow(redis: Redis, query: Query, run_id: str, deadline: float) -> tuple[QueryRun, Record | None]:
    """Return the run when it has ended, and the record of its snapshot when each of its changes is settled.

    `deadline`: by time.monotonic(). Raises Failed when it cannot go on: no process carries it out, or it is held.
    Raises StillGoing, naming the state, when the time is over.
    """

    def trouble(_: QueryRun) -> snapshots.Trouble:
        return None, snapshots.absent(take_summary(redis))

    run, why = snapshots.until_ended(lambda: _run(redis, run_id), "asked for", _DOING, trouble, deadline)
    if why:
        raise Failed(f"{why}\nRun {run_id} stays queued: ferry queries runs {query.name}")
    if not run.snapshot:
        return run, None
    audience = Queue(query.connection, "audience", query.name)
    record, why = snapshots.follow(redis, run.snapshot, audience, deadline)
    if not why:
        record, why = snapshots.follow_delivery(redis, run.snapshot, audience, deadline)
    if why:
        raise Failed(f"{why}\nRun {run_id} stays submitted: ferry queries runs {query.name}")
    return run, record


def _run(redis: Redis, run_id: str) -> QueryRun:
    found = records.run(redis, run_id)
    if found is None:
        raise Failed(f"run {run_id} no longer exists: Redis lost it. Run the query again.")
    return found
