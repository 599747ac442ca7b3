"""The records of a query's runs, and what is known of the query itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta
from redis import Redis

from queues import keys
from queues.snapshots import outcomes
from queues.snapshots.records import Record

#: Records kept of a query, and for how many ms.
RUNS: Final = 100
RUN_MS: Final = 30 * 86_400_000
#: Runs of a query that one step of the search for its last result reads.
_AT_ONCE: Final = 10

#: queued: for a worker, or its turn at the source. reading: the query's result. submitted: as a snapshot, whose record
#: says how it goes on. failed, cancelled: the list was not touched. skipped: the run before had not ended. missed:
#: no scheduler was running at the time, and it is too late.
RunState = Literal["queued", "reading", "submitted", "failed", "cancelled", "skipped", "missed"]


class QueryRun(msgspec.Struct):
    """A run of a query. Times in ms since 1970."""

    id: str
    query: str
    state: RunState
    by: Annotated[str, Meta(description="Who asked for it: schedule, or a user.", examples=["schedule", "cli:ann"])]
    since: Annotated[int, Meta(description="When it was asked for.")]
    slot: Annotated[int | None, Meta(description="The time that the schedule meant; none for a run by hand.")] = None
    confirmed: Annotated[bool, Meta(description="The guard does not check its removals.")] = False
    reconcile: Annotated[bool, Meta(description="The list's members are read from Klaviyo first.")] = False
    started: Annotated[int | None, Meta(description="When a worker began to read.")] = None
    ended: Annotated[int | None, Meta(description="When it was submitted, or ended otherwise.")] = None
    snapshot: Annotated[str, Meta(description="The snapshot that its result was submitted as.")] = ""
    rows: Annotated[int | None, Meta(description="Rows of the result.")] = None
    rows_before: Annotated[int | None, Meta(description="Rows of the last good run.")] = None
    seconds: Annotated[float | None, Meta(description="Seconds that reading took.")] = None
    usual_seconds: Annotated[float | None, Meta(description="The median of the last runs that were read.")] = None
    sql: Annotated[str, Meta(description="SHA-256 of the SQL.")] = ""
    sql_changed: Annotated[bool, Meta(description="The SQL is another than that of the last good run.")] = False
    columns: Annotated[dict[str, str], Meta(description="Name of each column -> its type in the database.")] = {}
    new_columns: Annotated[list[str], Meta(description="Columns that the last good run did not have.")] = []
    gone_columns: Annotated[list[str], Meta(description="Columns that only the last good run had.")] = []
    left_out: Annotated[
        dict[str, dict[str, int]], Meta(description="By column and reason, the cells that were left out.")
    ] = {}
    error: Annotated[str, Meta(description="Code of what went wrong.")] = ""
    remedy: Annotated[str, Meta(description="What happened and what to do.")] = ""


class Pause(msgspec.Struct, frozen=True):
    """Why the schedule of a query rests. `since`: ms."""

    reason: str
    by: str
    since: int


class QueryState(msgspec.Struct, frozen=True):
    """What the ledger knows of a query. `schedule`, `next` (ms): the slot that schedulers wait for.

    `running`: the run that has not ended. `skips`: slots in a row that came while a run had not ended. `columns`,
    `definition`, `good` (run), `good_at` (ms): of the last good run (good.py).
    """

    schedule: str = ""
    next: int | None = None
    running: str = ""
    skips: int = 0
    pause: Pause | None = None
    columns: dict[str, str] = {}
    definition: dict[str, str] = {}
    good: str = ""
    good_at: int | None = None


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a query that went well or badly. `snapshot`: of its result, None if none or expired."""

    run: QueryRun
    snapshot: Record | None = None

    @property
    def went_badly(self) -> bool:
        """Whether it failed, was missed, or its snapshot failed later."""
        return self.run.state in ("failed", "missed") or self.snapshot_failed

    @property
    def snapshot_failed(self) -> bool:
        """Whether the result was submitted, but not carried out in full."""
        return self.snapshot is not None and self.snapshot.state == "failed"


#: The states of a run that went well or badly.
_SAYS: Final = frozenset({"submitted", "failed", "missed"})
_decode = msgspec.json.Decoder(QueryRun).decode
_encode = msgspec.json.Encoder().encode


def encode(run: QueryRun) -> bytes:
    """Return a record in its stored form."""
    return _encode(run)


def query_of(run_id: str) -> str:
    """Return the query that a run's id names: `vips-20261201T063000Z` -> `vips`."""
    return run_id.rpartition("-")[0]


def run(redis: Redis, run_id: str) -> QueryRun | None:
    """Return the record of a run; None if it is unknown or expired."""
    stored = cast("bytes | None", redis.hget(keys.query_run(run_id), "record"))
    return _decode(stored) if stored else None


def by_id(redis: Redis, ids: Sequence[str]) -> dict[str, QueryRun]:
    """Return the records of these runs that are not expired, by id, in one round trip."""
    with redis.pipeline(transaction=False) as pipe:
        for run_id in ids:
            pipe.hget(keys.query_run(run_id), "record")
        return {run_id: _decode(stored) for run_id, stored in zip(ids, pipe.execute(), strict=True) if stored}


def runs(redis: Redis, query: str, most: int = RUNS) -> list[QueryRun]:
    """Return the last runs of a query that are remembered, newest first."""
    return newest(redis, [query], most)[query]


def newest(redis: Redis, queries: Sequence[str], most: int, after: int = 0) -> dict[str, list[QueryRun]]:
    """Return the last runs of these queries, newest first, by the query's name, in two round trips.

    `most`: of each query. `after`: leave out so many of its newest.
    """
    with redis.pipeline(transaction=False) as pipe:
        for query in queries:
            pipe.zrevrange(keys.query(query, "runs"), after, after + most - 1)
        ids = [[each.decode() for each in found] for found in pipe.execute()]
    known = by_id(redis, [*chain.from_iterable(ids)])
    return {
        query: [known[each] for each in of_one if each in known] for query, of_one in zip(queries, ids, strict=True)
    }


def last_runs(redis: Redis, queries: Iterable[str]) -> dict[str, LastRun]:
    """Return the newest run of each query that went well or badly, by the query's name.

    A run that is queued, reading, skipped or cancelled says neither.
    """
    found = _last_runs(redis, [*queries])
    snapshots = outcomes.by_id(redis, [run.snapshot for run in found.values() if run.snapshot])
    return {name: LastRun(run, snapshots.get(run.snapshot)) for name, run in found.items()}


def _last_runs(redis: Redis, queries: Sequence[str]) -> dict[str, QueryRun]:
    found: dict[str, QueryRun] = {}
    left = queries
    for after in range(0, RUNS, _AT_ONCE):
        pages = newest(redis, left, _AT_ONCE, after)
        for name, page in pages.items():
            if last := next((run for run in page if run.state in _SAYS), None):
                found[name] = last
        left = [name for name, page in pages.items() if page and name not in found]
        if not left:
            break
    return found


def states(redis: Redis, queries: Iterable[str]) -> dict[str, QueryState]:
    """Return what is known of these queries, by name."""
    names = [*queries]
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(keys.query(name))
        return {name: _state(fields) for name, fields in zip(names, pipe.execute(), strict=True)}


def _state(fields: dict[bytes, bytes]) -> QueryState:
    text = {name.decode(): value.decode() for name, value in fields.items()}
    found: dict[str, Any] = {name: text[name] for name in ("schedule", "running", "good") if name in text}
    found |= {name: int(text[name]) for name in ("next", "skips", "good_at") if text.get(name)}
    if "pause" in text:
        found["pause"] = msgspec.json.decode(text["pause"], type=Pause)
    for name in ("columns", "definition"):
        if name in text:
            found[name] = msgspec.json.decode(text[name], type=dict[str, str])
    return QueryState(**found)
