"""What the rules look at, read from the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from redis import Redis

from queues import alerts, history
from queues.census import Census, take_census
from queues.names import Queue
from queues.settled import Settled

#: Lately: the ms that count (a day), and the batches of a queue at most, of which a hundred take some 10 ms to read.
LATELY_MS: Final = 86_400_000
_BATCHES: Final = 200


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a queue's changes lately. `dead`: those of `settled` that became dead letters."""

    settled: int
    dead: int


@dataclass(frozen=True, slots=True)
class Facts:
    """`settlements`: of the queues that keep dead letters. `scheduler`, `worker`: the ms at which one was seen last.

    `memory_used`, `memory_most`: bytes of Redis; 0 for the most where it has no limit.
    """

    census: Census
    settlements: Mapping[Queue, Settlement]
    scheduler: int
    worker: int
    memory_used: int
    memory_most: int


def look(redis: Redis) -> Facts:
    """Read them. Raises redis.RedisError."""
    census = take_census(redis)
    keeping = [count.queue for count in census.queues if count.kept]
    memory = redis.info("memory")
    return Facts(
        census=census,
        settlements={queue: settlement(history.batches(redis, queue, _BATCHES), census.at) for queue in keeping},
        scheduler=alerts.last_seen(redis, "scheduler", census.heartbeat, census.at),
        worker=alerts.last_seen(redis, "worker", census.at if census.workers else None, census.at),
        memory_used=int(memory.get("used_memory", 0)),
        memory_most=int(memory.get("maxmemory", 0)),
    )


def settlement(batches: list[Settled], now: int) -> Settlement:
    """What became of the changes of those batches that were settled lately. Pure."""
    lately = [batch for batch in batches if now - batch.settled <= LATELY_MS]
    return Settlement(sum(batch.count for batch in lately), sum(len(batch.ends.dead) for batch in lately))
