"""Staging: the body of a snapshot as it came, in compressed pieces, until the snapshot is carried out.

Nobody who takes one in or carries one out needs more memory than a piece, and any worker can do it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from queues import keys, records, scripts
from queues.errors import SnapshotGone

#: Bytes of a piece before compression.
PIECE: Final = 262_144
#: ms: a body to which nothing came for so long is nobody's any more.
STAGED_MS: Final = 3_600_000
_LEVEL: Final = 1


def compress(piece: bytes) -> bytes:
    """The stored form of a piece; takes about a ms, which an event loop should give to a thread."""
    return zlib.compress(piece, _LEVEL)


def stage(redis: Redis, snapshot_id: str, number: int, compressed: bytes) -> None:
    """Keep a piece of a body. `number`: from 0, so that a repeated call does not put it in twice.

    What is staged and never submitted goes away by itself. Raises redis.OutOfMemoryError, with the body let go, when
    less than a tenth of Redis's memory would be left to delivery.
    """
    scripts.run(redis, "stage", [keys.snapshot(snapshot_id, "body")], [number, compressed, STAGED_MS])


async def stage_async(redis: AsyncRedis, snapshot_id: str, number: int, compressed: bytes) -> None:
    """As `stage`."""
    script = redis.register_script(scripts.text("stage"))
    await script([keys.snapshot(snapshot_id, "body")], [number, compressed, STAGED_MS])


async def kept_async(redis: AsyncRedis, snapshot_id: str) -> int:
    """How many pieces of a body are there: fewer than were staged where Redis has lost some."""
    return await redis.hlen(keys.snapshot(snapshot_id, "body"))


def body(redis: Redis, snapshot_id: str) -> Iterator[bytes]:
    """The pieces of a body, in order.

    Raises SnapshotGone, if need be after the last piece, where they are not all of what came: whom a body that lost its
    end does not name would be taken off the list.
    """
    known = records.record(redis, snapshot_id)
    left, number = known.bytes if known else -1, 0
    while piece := cast("bytes | None", redis.hget(keys.snapshot(snapshot_id, "body"), str(number))):
        plain = zlib.decompress(piece)
        left -= len(plain)
        number += 1
        yield plain
    if left:
        raise SnapshotGone(snapshot_id)
