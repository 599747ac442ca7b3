"""Which run of a query begins: slots are claimed once whatever number of schedulers runs, and people ask for runs."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Literal, cast

import msgspec
from redis import Redis

from queues import keys, scripts
from queues.queries.records import RUN_MS, RUNS, Pause, QueryRun, QueryState, encode

#: What became of a slot. lost: another scheduler was faster.
Claim = Literal["claimed", "skipped", "missed", "planned", "lost"]
SCHEDULE: Final = "schedule"


def slot_id(query: str, slot: int) -> str:
    """Return the id of the run of a slot (ms)."""
    return f"{query}-{datetime.fromtimestamp(slot / 1000, UTC):%Y%m%dT%H%M%SZ}"


def claim(
    redis: Redis,
    query: str,
    seen: QueryState,
    schedule: str,
    upcoming: int | None,
    run: QueryRun | None,
    ring_at: int,
    *,
    before_waits: bool = False,
) -> Claim:
    """Set the next slot, and begin `run`, unless the ledger is no longer as it was `seen`.

    `upcoming`: the slot after (ms), None for no schedule. `run`: None when only the next slot is set. `ring_at`: ms at
    which a worker is rung for it. A run in the state `missed` is recorded only, and one whose predecessor has not ended
    is recorded as skipped. `before_waits`: the predecessor has not begun to read.
    """
    run_id = run.id if run else ""
    expected = [seen.schedule, "" if seen.next is None else seen.next]
    args = [query, run_id, *expected, schedule, "" if upcoming is None else upcoming, *_records(run, before_waits)]
    done: bytes = scripts.run(redis, "claim_slot", _keys(query, run_id or "none"), [*args, ring_at, RUN_MS, RUNS])
    return cast("Claim", done.decode())


#: Why a slot is skipped: the run before reads, or has not begun to.
_READS: Final = "The run before had not ended. The next slot tries again; raise the interval if this happens often."
_WAITS: Final = (
    "The run before still waited for a free worker, or for its turn at the source. The next slot tries again; start "
    "one more worker, or raise runs_at_once of the source, if this happens often."
)


def _records(run: QueryRun | None, before_waits: bool) -> list[str | bytes | int]:
    """Return what claim_slot.lua stores: the record if it begins, and the record if it is skipped."""
    if run is None:
        return ["", "", 0]
    if run.state == "missed":
        return ["", encode(run), run.since]
    skipped = msgspec.structs.replace(
        run,
        state="skipped",
        ended=run.since,
        error="still_running",
        remedy=_WAITS if before_waits else _READS,
    )
    return [encode(run), encode(skipped), run.since]


def order(
    redis: Redis, query: str, by: str, now: int, key: str = "", *, confirmed: bool = False, reconcile: bool = False
) -> tuple[str, bool]:
    """Begin a run now, which moves no slot. Return its id, and False if another run of the query has not ended.

    `key`: of the caller; a repetition with the same one returns the same run. The id is then that of the running one.
    """
    digest = sha256(f"{query} {by} {key}".encode()).hexdigest() if key else uuid.uuid4().hex
    run = QueryRun(f"{query}-{digest[:12]}", query, "queued", by, now, confirmed=confirmed, reconcile=reconcile)
    args = [run.id, encode(run), now, RUN_MS, RUNS]
    begun: bytes = scripts.run(redis, "order_run", _keys(query, run.id), args)
    return begun.decode(), begun.decode() == run.id


def pause(redis: Redis, query: str, reason: str, by: str, now: int) -> bool:
    """Let the schedule of a query rest; return False if it rests already, and keep that reason."""
    return bool(redis.hsetnx(keys.query(query), "pause", msgspec.json.encode(Pause(reason, by, now))))


def resume(redis: Redis, query: str) -> bool:
    """Let the schedule of a query go on, from the next slot; return False if it did not rest."""
    return bool(redis.hdel(keys.query(query), "pause"))


def _keys(query: str, run_id: str) -> list[str]:
    return [keys.query(query), keys.query_run(run_id), keys.query(query, "runs"), keys.QUERY_RING]
