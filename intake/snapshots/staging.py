"""Keeps the bodies of snapshots in the ledger, and has them carried out once they are whole.

A body of any size, piece by piece: a process holds no more of it than the piece in hand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import falcon.asgi
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from intake.http.body import BodyReader
from intake.http.protocol import MORE_TIME
from intake.snapshots.status import unavailable
from queues.errors import CannotConfirm, LedgerFull, QueueFull, Unavailable
from queues.group_commit import GroupCommit
from queues.names import Queue
from queues.snapshots import guard, orders
from queues.snapshots.orders import PIECE, Record

log = logging.getLogger(__name__)


class Staging:
    """For all requests of one process."""

    def __init__(self, redis: Redis, commit: GroupCommit) -> None:
        self._redis = redis
        self._commit = commit

    async def stage(self, snapshot_id: str, pieces: AsyncIterator[bytes]) -> int:
        """Keep a body; how many bytes it has.

        Raises Unavailable, and what `pieces` raises; nothing of it is kept then.
        """
        try:
            return await self._stage(snapshot_id, pieces)
        except Exception:
            # At once, and not when its time is over: a large body that breaks off and is repeated would soon fill the
            # ledger, and while that is full nobody can send anything.
            with suppress(RedisError, OSError):
                await orders.unstage_async(self._redis, snapshot_id)
            raise

    async def _stage(self, snapshot_id: str, pieces: AsyncIterator[bytes]) -> int:
        self._commit.check()  # before the first piece, too, so that nothing is read in vain
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
        """A Redis that was restarted or replaced meanwhile has the end of it only."""
        with unavailable():
            kept = await orders.kept_async(self._redis, snapshot_id)
        if kept != number:
            raise Unavailable

    async def submit(self, queue: Queue, record: Record, audience: bytes, *, clamped: bool = False) -> None:
        """Have a body that is whole carried out. `audience`: JSON to remember, empty for as it was.

        `clamped`: its time could not be. An older one that the guard holds gives way to it. Raises Unavailable; where
        nothing was written for want of room, the body is gone.
        """
        with unavailable():
            await orders.open_async(self._redis, queue, record)
        try:
            await self._commit.accept([orders.acceptance_of(queue, record, audience, record.since, clamped=clamped)])
        except Unavailable as fault:
            if isinstance(fault, CannotConfirm | LedgerFull | QueueFull) or isinstance(fault.__cause__, ResponseError):
                await self._withdraw(queue, record.order.snapshot)
            raise
        log.info("snapshot %s: came for %s, %d bytes; a worker is rung", record.order.snapshot, queue, record.bytes)
        with unavailable():
            await guard.replace_held_async(self._redis, queue)

    async def _withdraw(self, queue: Queue, snapshot_id: str) -> None:
        with suppress(RedisError, OSError):  # what stays goes away by itself
            await orders.withdraw_async(self._redis, queue, snapshot_id)


async def pieces(req: falcon.asgi.Request, bodies: BodyReader) -> AsyncIterator[bytes]:
    """The body as it came, still compressed, in pieces of PIECE bytes and a rest; nothing for one that is empty.

    Nothing more is read of the connection before the next piece is asked for. Raises HTTPBadRequest when it breaks,
    HTTPServiceUnavailable when this process holds too much of other bodies. No limit of size or of time holds for the
    whole; the time for a request holds for each piece.
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
