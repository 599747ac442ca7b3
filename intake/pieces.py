"""A body of any size, piece by piece: a process holds no more of it than the piece in hand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import falcon.asgi

from intake.body import BodyReader
from intake.protocol import MORE_TIME
from queues.snapshots import PIECE


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
