"""The lease of a run: one worker reads at a time, a dead worker's run begins again, and a source limits its readers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis

from queues import keys, scripts
from queues.queries import records
from queues.queries.records import QueryRun, encode


@dataclass(slots=True)
class HeldRun:
    """A run that this worker holds. `token`: excludes workers that held it before. `crashes`: leases that ran out."""

    run: QueryRun
    source: str
    token: int
    crashes: int
    cancelled: bool


def take(redis: Redis, run_id: str, source: str, at_once: int, now: int, lease_ms: int, wait_ms: int) -> HeldRun | None:
    """Hold a run for `lease_ms`; None if it has ended, another worker holds it, or its source is busy.

    `at_once`: runs that may read from the source at a time; if there are as many, a worker is rung again in `wait_ms`.
    """
    args = [run_id, now, lease_ms, uuid.uuid4().hex, at_once, wait_ms]
    token, crashes, cancelled = scripts.run(redis, "take_run", _keys(run_id, source), args)
    found = records.run(redis, run_id) if token > 0 else None
    return HeldRun(found, source, token, crashes, bool(cancelled)) if found else None


def renew(redis: Redis, held: HeldRun, now: int, lease_ms: int) -> bool:
    """Extend the lease, store the record; return False if another worker has the run. Notes whether it is cancelled."""
    return _keep(redis, held, now + lease_ms, gives_back=False)


def give_back(redis: Redis, held: HeldRun, now: int) -> bool:
    """Give a run back, to begin again at once."""
    return _keep(redis, held, now, gives_back=True)


def _keep(redis: Redis, held: HeldRun, until: int, *, gives_back: bool) -> bool:
    args = [held.run.id, held.token, until, int(gives_back), encode(held.run)]
    kept = int(scripts.run(redis, "keep_run", _keys(held.run.id, held.source), args))
    held.cancelled = held.cancelled or kept == 2
    return kept > 0


def end(redis: Redis, held: HeldRun, found: Mapping[str, Any]) -> bool:
    """End a run with its record; return False if another worker has it. `found`: fields of the query to set."""
    pairs = [each for pair in found.items() for each in pair]
    keys_of_run = [*_keys(held.run.id, held.source), keys.query(held.run.query)]
    args = [held.run.id, held.token, encode(held.run), *pairs]
    return bool(scripts.run(redis, "end_run", keys_of_run, args))


def cancel(redis: Redis, run_id: str, now: int) -> bool:
    """Ask that a run ends as cancelled; return False if it has ended."""
    if redis.zscore(keys.QUERY_RING, run_id) is None:
        return False
    redis.hset(keys.query_run(run_id), "cancel", 1)
    redis.zadd(keys.QUERY_RING, {run_id: now}, xx=True, lt=True)
    return True


def to_ring(redis: Redis, now: int) -> list[str]:
    """Return the runs that need a worker: new ones, given back ones, ones whose worker is silent."""
    return [each.decode() for each in cast("list[bytes]", redis.zrangebyscore(keys.QUERY_RING, "-inf", now))]


def rung(redis: Redis, run_ids: list[str], again: int) -> None:
    """Record that a worker was rung for these runs; they ring again at `again` (ms) unless taken up before."""
    if run_ids:
        redis.zadd(keys.QUERY_RING, dict.fromkeys(run_ids, again), xx=True, gt=True)


def _keys(run_id: str, source: str) -> list[str]:
    return [keys.query_run(run_id), keys.QUERY_RING, keys.query_source(source)]
