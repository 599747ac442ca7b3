"""Stores the bodies of snapshots in the ledger, and submits a snapshot once its body is complete.

A body may have any size: it is stored piece by piece, and a process holds only the current piece in memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import falcon.asgi
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from intake.http import faults
from intake.http.body import BodyReader
from intake.http.protocol import MORE_TIME
from intake.snapshots.status import unavailable
from mappings.columns import ColumnSettings
from queues.errors import CannotConfirm, LedgerFull, QueueFull, Unavailable
from queues.group_commit import GroupCommit
from queues.names import Queue
from queues.snapshots import guard, orders
from queues.snapshots.orders import PIECE, Record, SnapshotOrder
from snapshots.reading import check_beginning
from snapshots.rows import Unreadable

log = logging.getLogger(__name__)


class Staging:
    """Stages and submits snapshots, for all requests of one process."""

    def __init__(self, redis: Redis, commit: GroupCommit) -> None:
        self._redis = redis
        self._commit = commit

    async def stage(self, snapshot_id: str, pieces: AsyncIterator[bytes]) -> int:
        """Store a body and return its size in bytes.

        Raises Unavailable, and what `pieces` raises; nothing of the body is kept then.
        """
        try:
            return await self._stage(snapshot_id, pieces)
        except Exception:
            # Deleted now instead of when it expires: a large body that breaks off and is repeated would soon fill the
            # ledger, and a full ledger accepts nothing.
            await self.drop(snapshot_id)
            raise

    async def drop(self, *snapshot_ids: str) -> None:
        """Delete bodies that are not submitted. Without Redis they expire instead."""
        with suppress(RedisError, OSError):
            for each in snapshot_ids:
                await orders.unstage_async(self._redis, each)

    async def _stage(self, snapshot_id: str, pieces: AsyncIterator[bytes]) -> int:
        self._commit.check()  # before the first piece too, so that no body is read in vain
        size = number = 0
        async for piece in pieces:
            self._commit.check()
            compressed = await asyncio.to_thread(orders.compress, piece)
            with unavailable():
                await orders.stage_async(self._redis, snapshot_id, number, compressed)
            size += len(piece)
            number += 1
        await self._check_whole(snapshot_id, number)
        return size

    async def _check_whole(self, snapshot_id: str, number: int) -> None:
        """Raise Unavailable when pieces are missing: a Redis that was restarted meanwhile has only the last ones."""
        with unavailable():
            kept = await orders.kept_async(self._redis, snapshot_id)
        if kept != number:
            raise Unavailable

    async def submit(self, queue: Queue, record: Record, audience: bytes, *, clamped: bool = False) -> None:
        """Submit a snapshot whose body is complete. `audience`: JSON to remember; empty leaves it unchanged.

        `clamped`: whether its time was not plausible and was replaced. An older snapshot that the guard holds is
        replaced. Raises Unavailable; when nothing was written because there is no room, the body is deleted.
        """
        with unavailable():
            await orders.open_async(self._redis, queue, record)
        try:
            await self._commit.accept([orders.acceptance_of(queue, record, audience, record.since, clamped=clamped)])
        except Unavailable as fault:
            if isinstance(fault, CannotConfirm | LedgerFull | QueueFull) or isinstance(fault.__cause__, ResponseError):
                await self._withdraw(queue, record.order.snapshot)
            raise
        log.info("snapshot %s: stored for %s, %d bytes; a worker is rung", record.order.snapshot, queue, record.bytes)
        with unavailable():
            await guard.replace_held_async(self._redis, queue)

    async def _withdraw(self, queue: Queue, snapshot_id: str) -> None:
        with suppress(RedisError, OSError):  # the rest expires
            await orders.withdraw_async(self._redis, queue, snapshot_id)


async def pieces(req: falcon.asgi.Request, bodies: BodyReader) -> AsyncIterator[bytes]:
    """Yield the body unchanged, still compressed, in pieces of PIECE bytes and a rest; nothing for an empty body.

    The connection is read only as far as the next piece needs. Raises HTTPBadRequest when the connection breaks,
    HTTPServiceUnavailable when this process holds too much of other bodies. The whole body has no limit of size or
    time; the time limit of a request applies to each piece.
    """
    buffer = bytearray()
    more = True
    while more:
        part, more = await bodies.next_part(req)
        bodies.hold(req, len(part))
        buffer += part
        while len(buffer) >= PIECE:
            yield bytes(buffer[:PIECE])
            del buffer[:PIECE]
            bodies.let_go(req, PIECE)
            req.scope["state"][MORE_TIME]()
    if buffer:
        yield bytes(buffer)


async def checked(found: AsyncIterator[bytes], order: SnapshotOrder, settings: ColumnSettings) -> AsyncIterator[bytes]:
    """Yield the pieces; the first one is read before, so that a sender is not told that an unreadable file is accepted.

    Raises HTTPBadRequest naming the place. A file of one piece is read completely.
    """
    count = 0
    async for piece in found:
        if not count:
            await _check(piece, order, settings)
        count += 1
        yield piece
    if not count:
        await _check(b"", order, settings)


async def _check(piece: bytes, order: SnapshotOrder, settings: ColumnSettings) -> None:
    whole = len(piece) < PIECE
    try:
        # In a thread: a piece of text takes about 50 ms.
        await asyncio.to_thread(check_beginning, piece, whole, order.format, order.gzip, settings, order.charset)
    except Unreadable as fault:
        raise faults.bad_request(str(fault)) from None
