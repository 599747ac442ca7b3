"""Begins the runs of scheduled queries, and rings workers for runs that have none.

Any number of schedulers may do so at the same time: the ledger decides who claims a slot, and a second ring does no
harm.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from redis import Redis

from configuration import due
from configuration.queries import Query
from queues import doorbell
from queues.queries import leases, records, slots
from queues.queries.records import QueryRun, QueryState

log = logging.getLogger(__name__)

#: ms after which a run is rung again if no worker took it up.
RING_AGAIN_MS = 30_000
#: Seconds that a job may last beyond the time-out of its query: to check the rows and to store them.
BEYOND_S = 3_600


def begin_due(redis: Redis, queries: Sequence[Query], now: int) -> int:
    """Begin the runs whose time has come; return how many. `now`: ms. Raises redis.RedisError."""
    known = records.states(redis, [query.name for query in queries])
    return sum(_begin(redis, query, known[query.name], now) == "claimed" for query in queries)


def _begin(redis: Redis, query: Query, seen: QueryState, now: int) -> slots.Claim:
    when = query.when
    schedule = str(when)
    if seen.schedule != schedule or (schedule and seen.next is None):
        # New or changed: from now on, and never at once.
        return slots.claim(redis, query.name, seen, schedule, due.following(when, now), None, 0)
    found = None if seen.next is None else due.due(when, seen.next, now)
    if found is None:
        return "planned"
    run = None if query.paused or seen.pause else _run(query, found, now)
    ring_at = found.slot + due.delay_ms(query.name, query.jitter_minutes)
    before = records.run(redis, seen.running) if seen.running else None
    before_waits = before is not None and before.state == "queued"
    claim = slots.claim(redis, query.name, seen, schedule, found.next, run, ring_at, before_waits=before_waits)
    _report(run, claim)
    return claim


def _run(query: Query, found: due.Due, now: int) -> QueryRun:
    run = QueryRun(slots.slot_id(query.name, found.slot), query.name, "queued", slots.SCHEDULE, now, found.slot)
    if not found.runs:
        run.state, run.ended, run.error = "missed", now, "missed"
        run.remedy = (
            "No scheduler was running at this time, and it is too late now (catch_up). The list was not touched. "
            f"The next slot runs; to run it now: ferry queries run {query.name}"
        )
    return run


def _report(run: QueryRun | None, claim: slots.Claim) -> None:
    if run is None:
        return
    if claim == "claimed":
        log.info("run %s: begins; a worker is rung", run.id)
    elif claim == "skipped":
        log.warning("run %s: skipped, because the run before has not ended; the next slot tries again", run.id)
    elif claim == "missed":
        log.error("run %s: missed, because no scheduler was running; the next slot runs", run.id)


def ring(redis: Redis, queries: Sequence[Query], now: int) -> int:
    """Ring a worker for each run that needs one; return how many. `now`: ms."""
    waiting = leases.to_ring(redis, now)
    by_name = {query.name: query for query in queries}
    for run_id in waiting:
        query = by_name.get(records.query_of(run_id))
        timeout = (query.timeout_minutes * 60 if query else 0) + BEYOND_S
        doorbell.ring_run(redis, run_id, now, timeout)
    leases.rung(redis, waiting, now + RING_AGAIN_MS)
    return len(waiting)
