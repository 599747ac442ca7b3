"""What the rules look at, read from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redis import Redis

from alerts.rules_keys import LASTS_MS
from queues import alerts, undecided_erasures
from queues.census import Census, take_census
from queues.connections import key_changes
from queues.connections.key_changes import KeyChange
from queues.history import hours
from queues.history.hours import Hour
from queues.names import Queue


@dataclass(frozen=True, slots=True)
class RecentOutcomes:
    """What deliveries made of a queue's changes lately. `dead`: those of `settled` that became dead letters."""

    settled: int
    dead: int


@dataclass(frozen=True, slots=True)
class Facts:
    """`settlements`: of the queues that keep dead letters. `erasures`: those that need a look, by their queue.

    `key_changes`: what messages lately made of keys, and tried to.

    `scheduler`, `worker`: the ms at which one was seen last.

    `memory_used`, `memory_most`: bytes of Redis; 0 for the most where it has no limit.
    """

    census: Census
    settlements: Mapping[Queue, RecentOutcomes]
    scheduler: int
    worker: int
    memory_used: int
    memory_most: int
    erasures: Mapping[Queue, undecided_erasures.UndecidedErasures] = field(default_factory=dict)
    key_changes: Sequence[KeyChange] = ()


def look(redis: Redis) -> Facts:
    """Read them. Raises redis.RedisError."""
    census = take_census(redis)
    keeping = [count.queue for count in census.queues if count.kept]
    memory = redis.info("memory")
    return Facts(
        census=census,
        # Not by the history: a look at that of a thousand queues takes longer than a judging may.
        settlements={queue: settlement(last) for queue, last in hours.of_queues(redis, keeping, census.at).items()},
        scheduler=alerts.last_seen(redis, "scheduler", census.heartbeat, census.at),
        worker=alerts.last_seen(redis, "worker", census.at if census.workers else None, census.at),
        memory_used=int(memory.get("used_memory", 0)),
        memory_most=int(memory.get("maxmemory", 0)),
        erasures=undecided_erasures.waiting(
            redis, [queue for queue in keeping if queue.kind == undecided_erasures.KIND]
        ),
        key_changes=key_changes.recent(redis, census.at - LASTS_MS),
    )


def settlement(last: Sequence[Hour]) -> RecentOutcomes:
    """What deliveries made of the changes within these hours, without those that others have replaced. Pure."""
    dead = sum(hour.dead for hour in last)
    return RecentOutcomes(dead + sum(hour.delivered for hour in last), dead)
