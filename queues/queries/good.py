"""The last good run of a query: the newest whose changes were queued, so that the guard let it pass or a person did.

What it was is the measure of the next one: its columns, its rows, its SQL, and the time `:last_run`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from redis import Redis

from queues import keys, scripts
from queues.queries import records
from queues.queries.records import QueryState


def accepted(redis: Redis, run_id: str, at: int, definition: Mapping[str, str]) -> bool:
    """Remember a run as the last good one; return False if a later result was good before. May be repeated.

    `at`: ms as of which its result was read. `definition`: of the query, as it was then.
    """
    found: dict[str, object] = {"good": run_id, "good_at": at, "definition": msgspec.json.encode(definition)}
    # Its record may have expired while the guard held it.
    if run := records.run(redis, run_id):
        found["columns"] = msgspec.json.encode(run.columns)
    pairs = [each for pair in found.items() for each in pair]
    return bool(scripts.run(redis, "good_run", [keys.query(records.query_of(run_id))], [at, *pairs]))


def changed(known: QueryState, definition: Mapping[str, str]) -> list[str]:
    """Return what of a query changed since its last good run, by its name for people; without one nothing. Pure."""
    before = known.definition
    return [name for name, value in definition.items() if before.get(name, value) != value]
