"""Gives access to the socket of a request, which ASGI hides and faults that cut the connection need."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

from falcon.asgi import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_STATE = "line"
_LINGER_ZERO = struct.pack("ii", 1, 0)


class Line:
    """One client connection, which can be ended without a response."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.closed = asyncio.Event()

    async def cut(self, *, reset: bool) -> None:
        """Close the socket now, discarding unsent bytes, and return when the server knows that it is closed.

        `reset`: the client sees a connection reset; otherwise it sees the end of the stream.
        """
        if reset:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()
        await self.closed.wait()


class LineProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also puts the line into the scope of every request."""

    line: Line

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Remember the socket."""
        super().connection_made(transport)
        self.line = Line(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake the tasks that wait for the end."""
        super().connection_lost(exc)
        self.line.closed.set()

    def on_message_begin(self) -> None:
        """Put the connection into the scope of the request."""
        super().on_message_begin()
        self.scope["state"][_STATE] = self.line


def line_of(req: Request) -> Line:
    """Return the connection of a request; the app must be served with `LineProtocol`."""
    return cast(Line, req.scope["state"][_STATE])
