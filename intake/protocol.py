"""Limits on how a request comes, which uvicorn leaves to a proxy in front of it: the size of its head, and its time."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from intake.limits import HEAD, REQUEST_SECONDS
from queues.snapshots import PIECE

#: Key of an ASGI request's state: a call that lets the rest of a body begin its time anew, for one of any size.
MORE_TIME: Final = "ferry.more_time"
_TOO_LARGE: Final = (
    "431 Request Header Fields Too Large",
    f"The request's line and headers have more than {HEAD:,} bytes. Nothing was accepted.",
)
_SLOW: Final = (
    f"A request must be complete within {REQUEST_SECONDS:g} s, and a snapshot bring {PIECE:,} bytes within each. "
    "Nothing was accepted; repeat it."
)
_TOO_SLOW: Final = ("408 Request Timeout", _SLOW)


class Protocol(HttpToolsProtocol):
    """Ends a connection whose request is slow or has too large a head, so that none holds memory or a socket.

    One timer for a connection, and not one for each request, which would cost more than reading the request.
    """

    seconds = REQUEST_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head = 0
        self._in_head = True
        #: Since when the rest of a request has been waited for.
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base
        """A new connection owes a request."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._in_head = True
        self._since = self.loop.time()
        self.scope["state"][MORE_TIME] = self._more_time

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._since = None
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Count what comes while a head is open."""
        was_in_head = self._in_head
        super().data_received(data)
        if not self._in_head:
            self._head = 0
        elif was_in_head:
            self._head += len(data)
            if self._head > HEAD:
                self._end(*_TOO_LARGE)

    def _look(self) -> None:
        now = self.loop.time()
        if self._since is not None and now - self._since >= self.seconds:
            self._end(*_TOO_SLOW)
        else:
            self._timer = self.loop.call_later(self.seconds / 6, self._look)

    def _more_time(self) -> None:
        if self._since is not None:  # else the body is whole
            self._since = self.loop.time()

    def _end(self, status: str, description: str) -> None:
        """Close the connection, with an answer unless another is due or under way."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is None or (cycle.response_complete if self._in_head else not cycle.response_started):
            error = orjson.dumps({"error": {"title": status.partition(" ")[2], "description": description}})
            head = f"HTTP/1.1 {status}\r\ncontent-type: application/json;charset=utf-8\r\nconnection: close\r\n"
            self.transport.write(f"{head}content-length: {len(error)}\r\n\r\n".encode() + error)
        self.transport.close()
