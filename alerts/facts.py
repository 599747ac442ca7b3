"""The facts that the rules judge, read from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis import Redis

from configuration.queries import Query
from queues import alerts, undecided_erasures
from queues.census import Census, take_summary
from queues.connections import key_changes
from queues.connections.key_changes import KeyChange
from queues.history import hours
from queues.history.hours import Hour
from queues.names import Queue
from queues.queries import records
from queues.queries.records import LastRun, QueryRun, QueryState
from queues.snapshots import comparisons
from queues.snapshots.comparisons import Differing

#: ms for which a change or the last attempt is an alert; afterwards only the audit log shows it.
LASTS_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class RecentOutcomes:
    """Recently settled changes of a queue. `dead`: how many of `settled` became dead letters."""

    settled: int
    dead: int


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts at one time.

    `settlements`: recent outcomes of the queues that keep dead letters. `erasures`: undecided erasures by queue.
    `key_changes`: recent changes of keys by messages, and attempts.
    `differing`: lists that differ from the ledger. `scheduler`, `worker`: ms at which one was last
    seen. `memory_used`, `memory_most`: bytes of Redis; `memory_most` is 0 if Redis has no limit.
    """

    census: Census
    settlements: Mapping[Queue, RecentOutcomes]
    scheduler: int
    worker: int
    memory_used: int
    memory_most: int
    erasures: Mapping[Queue, undecided_erasures.UndecidedErasures] = field(default_factory=dict)
    key_changes: Sequence[KeyChange] = ()
    differing: Mapping[Queue, Differing] = field(default_factory=dict)
    queries: Sequence[QueryFacts] = ()


@dataclass(frozen=True, slots=True)
class QueryFacts:
    """A scheduled query and what the ledger knows of it. `last`: went well or badly. `running`: has not ended."""

    query: Query
    state: QueryState
    last: LastRun | None = None
    running: QueryRun | None = None


def look(redis: Redis, queries: Sequence[Query] = ()) -> Facts:
    """Read the facts. Raises redis.RedisError."""
    census = take_summary(redis, whole_trouble=True)
    keeping = [count.queue for count in census.queues if count.kept]
    memory = redis.info("memory")
    return Facts(
        census=census,
        # Not from the history: reading it for a thousand queues takes too long.
        settlements={queue: settlement(last) for queue, last in hours.of_queues(redis, keeping, census.at).items()},
        scheduler=alerts.last_seen(redis, "scheduler", census.heartbeat, census.at),
        worker=alerts.last_seen(redis, "worker", census.at if census.workers else None, census.at),
        memory_used=int(memory.get("used_memory", 0)),
        memory_most=int(memory.get("maxmemory", 0)),
        erasures=undecided_erasures.waiting(
            redis, [queue for queue in keeping if queue.kind == undecided_erasures.KIND]
        ),
        key_changes=key_changes.recent(redis, census.at - LASTS_MS),
        differing=comparisons.differing(redis, census.at),
        queries=_queries(redis, queries),
    )


def _queries(redis: Redis, queries: Sequence[Query]) -> list[QueryFacts]:
    names = [query.name for query in queries]
    states, lasts = records.states(redis, names), records.last_runs(redis, names)
    running = records.by_id(redis, [state.running for state in states.values() if state.running])
    return [
        QueryFacts(each, states[each.name], lasts.get(each.name), running.get(states[each.name].running))
        for each in queries
    ]


def settlement(last: Sequence[Hour]) -> RecentOutcomes:
    """Sum up the changes settled within these hours, without superseded ones. Pure."""
    dead = sum(hour.dead for hour in last)
    return RecentOutcomes(dead + sum(hour.delivered for hour in last), dead)
