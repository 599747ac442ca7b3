"""Checks whether the ledger has room for more changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from queues import bounds, keys, scripts
from queues.names import PARTITIONS


async def look(redis: Redis, most: int) -> str:
    """Return why nothing more may be accepted, empty while there is room. Raises redis.RedisError."""
    # Not in the pipeline: on a cluster, INFO has no key to route it, and each node answers.
    memory = await redis.info("memory")
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(PARTITIONS):
            scripts.queue_up(pipe, "waiting", [keys.partition(number, "queues")])
        waiting = await pipe.execute()
    return full(memory, sum(waiting), most)


def full(memory: Mapping[str, Any], waiting: int, most: int) -> str:
    """Return the message for senders, empty while there is room. `memory`: from INFO; `waiting`: changes. Pure."""
    if waiting >= most:
        return f"{waiting:,} changes are pending, which is the limit; nothing was accepted. Repeat the request later."
    used, limit = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    if limit and used > bounds.MEMORY_SHARE * limit:
        return (
            "Redis is full except for the memory that delivery needs; nothing was accepted. Repeat the request later."
        )
    return ""
