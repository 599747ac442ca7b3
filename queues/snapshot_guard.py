"""The guard's hold on an audience's snapshots: a person says go on, or a newer snapshot replaces the held one."""

from __future__ import annotations

from typing import Final, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from queues import batches, holds, keys
from queues.clock import now_ms
from queues.names import Queue

#: Reason of the hold that the guard places.
GUARD: Final = "snapshot_guard"


def confirm(redis: Redis, queue: Queue, snapshot_id: str) -> None:
    """A person has seen what this snapshot would do and wants it done; to be said before the hold is released."""
    redis.hset(keys.queue(queue), "confirmed", snapshot_id)


def is_confirmed(redis: Redis, queue: Queue, snapshot_id: str) -> bool:
    """Whether a person has said so of this snapshot."""
    return redis.hget(keys.queue(queue), "confirmed") == snapshot_id.encode()


def replace_held(redis: Redis, queue: Queue) -> bool:
    """A newer snapshot is submitted: the hold of the guard ends, a worker looks at the older one; was it held?"""
    if _guards(cast("bytes | None", redis.hget(keys.queue(queue), "hold"))):
        return holds.release(redis, queue)
    batches.hasten(redis, queue, now_ms())
    return False


async def replace_held_async(redis: AsyncRedis, queue: Queue) -> bool:
    """As `replace_held`."""
    held = _guards(cast("bytes | None", await redis.hget(keys.queue(queue), "hold")))
    opened = cast("list[bytes]", await redis.zrange(keys.queue(queue, "batches"), 0, -1))
    async with redis.pipeline(transaction=False) as pipe:
        if held:
            pipe.hdel(keys.queue(queue), "hold")
        for batch_id in opened:
            pipe.zadd(keys.partition(queue.partition, "ring"), {batch_id: now_ms()}, xx=True, lt=True)
        pipe.lpush(keys.WAKE, 1)
        pipe.ltrim(keys.WAKE, 0, 0)
        await pipe.execute()
    return held


def _guards(hold: bytes | None) -> bool:
    return hold is not None and holds.decode(hold).reason == GUARD
