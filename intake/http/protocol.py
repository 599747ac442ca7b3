"""Checks that uvicorn leaves to a proxy: the size of a request's head, its time, its HTTP version and its Host."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from intake.http.body import SIGNED
from intake.http.doorkeeper import Doorkeeper, peer_of
from intake.http.errors import error_body
from intake.http.limits import HEAD, HEAD_SECONDS, REQUEST_SECONDS
from queues.snapshots.orders import PIECE

#: Key of an ASGI request's state: a call that restarts the time for the rest of a body, for bodies of any size.
MORE_TIME: Final = "ferry.more_time"
_TOO_LARGE: Final = (
    "431 Request Header Fields Too Large",
    f"The request line and headers have more than {HEAD:,} bytes. Nothing was accepted.",
)
_SLOW: Final = (
    f"A request's head must arrive within {HEAD_SECONDS:g} s and all of it within {REQUEST_SECONDS:g} s; of a "
    f"snapshot, {PIECE:,} bytes within each {REQUEST_SECONDS:g} s. Nothing was accepted; repeat it."
)
_VERSIONS: Final = ("1.0", "1.1")
_OTHER_VERSION: Final = "The request is neither HTTP/1.0 nor HTTP/1.1. Nothing was accepted; send it as HTTP/1.1."
_WRONG_HOST: Final = (
    "The header Host occurs twice, or names no host. Nothing was accepted; send it once, as in Host: example.com."
)
_BAD_REQUEST: Final = "400 Bad Request"
_NOT_HTTP: Final = (
    _BAD_REQUEST,
    "The request is not valid HTTP. Nothing was accepted; check the client or the proxy in front.",
)
#: A name or an address, with or without a port (RFC 3986, 3.2.2); an address in brackets is checked separately.
_HOST: Final = re.compile(rb"(?:\[([^\[\]]*)\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?", re.ASCII)
_REPEATING_IS_NO_USE: Final = (_BAD_REQUEST, _TOO_LARGE[0])
_TOO_SLOW: Final = ("408 Request Timeout", _SLOW)
_TOO_MANY: Final = (
    "503 Service Unavailable",
    "This process has as many connections as it can take. Nothing was accepted; repeat the request.",
)


class _Joined:
    """The transport of a connection, which sends the head of an answer together with the first part of its body.

    uvicorn writes one after the other. Each write would be a call of the system and a packet.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data behind a kept head, or keep the head that it is; not `100 Continue`, which has no body."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 1"):
            self._head = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Send a kept head: its answer has no body."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self.flush()
        self._transport.close()


class Protocol(HttpToolsProtocol):
    """Ends a connection whose request is slow or has too large a head, so that it holds no memory or socket.

    Each connection has one timer. A timer for each request would cost more than reading the request.
    """

    seconds = REQUEST_SECONDS
    head_seconds = HEAD_SECONDS
    #: The doorkeeper of all connections of the process; server.py gives each server its own.
    doorkeeper = Doorkeeper()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Bytes of a head so far, and of the data that is being read.
        self._head = 0
        self._arriving = 0
        self._in_head = True
        self._fault = _NOT_HTTP
        #: Loop time since which the rest of a request is awaited; None when no rest is.
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        #: Loop time of the last change: the connection was made, or a request was complete.
        self._at = 0.0
        self.peer = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base
        """Start the time for the first request of a new connection."""
        super().connection_made(transport)
        self._joined = _Joined(transport)
        self.transport = cast("asyncio.Transport", self._joined)
        self._at = self._since = self.loop.time()
        self.peer = peer_of(self.client[0] if self.client else "127.0.0.1", "", ())
        if self.doorkeeper.admit(self):
            self._look()
        else:
            self.give_way()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self.doorkeeper.leaves(self)
        if self._timer is not None:
            self._timer.cancel()

    def on_message_begin(self) -> None:
        """Start the time of a request at its first byte."""
        super().on_message_begin()
        self._in_head = True
        self._since = self.loop.time()
        self.scope["state"][MORE_TIME] = self._more_time

    def on_headers_complete(self) -> None:
        """Check the complete head. Raises ValueError, which the parser turns into a call of `send_400_response`."""
        hosts = (value for name, value in self.headers if name == b"host")
        if fault := head_fault(self.parser.get_http_version(), hosts):
            self._fault = (_BAD_REQUEST, fault)
        elif self._head + self._arriving > HEAD and self._size_of_head() > HEAD:
            self._fault = _TOO_LARGE
        if self._fault is not _NOT_HTTP:
            raise ValueError(self._fault[1])
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the time of a complete request."""
        self._since = None
        self._at = self.loop.time()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Send what is left of an answer."""
        self._joined.flush()
        super().on_response_complete()

    @property
    def rank(self) -> int | None:
        """The order of giving way, 0 first; None never.

        0: it has sent no complete head, or does not read its answer. 1: a body without a token is arriving. 2: it is
        kept for another request. 3: a body with a token is arriving. None: a whole request is being answered.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return 2 if self._since is None else 0
        if self.flow.write_paused:
            return 0
        if self._since is None or self._in_head:
            return None
        return 3 if self.scope["state"].get(SIGNED) else 1

    @property
    def waits_since(self) -> float:
        """The loop time since which the rest of its request, or the next request, is awaited."""
        return self._at if self._since is None else self._since

    def give_way(self) -> None:
        """End the connection, to make room."""
        if self.transport.get_write_buffer_size():  # it does not read, so a normal close would wait forever
            self.transport.abort()
        else:
            self._end(*_TOO_MANY)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head that is not complete."""
        was_in_head = self._in_head
        self._arriving = len(data)
        super().data_received(data)
        if not self._in_head:
            self._head = 0
        elif was_in_head:
            self._head += len(data)
            if self._head > HEAD:
                self._end(*_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Answer an invalid request in the form of all errors, instead of with the base's text (`msg`)."""
        if self.cycle is not None and self.cycle.response_complete:
            self._in_head = True  # the invalid request is a new one, not the one that was answered
        self._end(*self._fault)

    def _size_of_head(self) -> int:
        """Return the bytes of a complete head, at least: a head that arrives at once may have come with other data."""
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _look(self) -> None:
        now = self.loop.time()
        most = min(self.seconds, self.head_seconds) if self._in_head else self.seconds
        if self._since is not None and now - self._since >= most:
            self._end(*_TOO_SLOW)
        else:
            self._timer = self.loop.call_later(self.seconds / 6, self._look)

    def _more_time(self) -> None:
        if self._since is not None:  # else the body is complete
            self._since = self.loop.time()

    def _end(self, status: str, description: str) -> None:
        """Close the connection, with an error answer unless another answer is due or has started."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is None or (cycle.response_complete if self._in_head else not cycle.response_started):
            error = error_body(status, status.partition(" ")[2], description)
            head = f"HTTP/1.1 {status}\r\ncontent-type: application/json;charset=utf-8\r\nconnection: close\r\n"
            again = "" if status in _REPEATING_IS_NO_USE else "retry-after: 1\r\n"
            self.transport.write(f"{head}{again}content-length: {len(error)}\r\n\r\n".encode() + error)
        self.transport.close()


def head_fault(version: str, hosts: Iterable[bytes]) -> str:
    """Return what is wrong with a head, with the remedy; empty when it is valid. `hosts`: its Host headers. Pure.

    The app fails on other HTTP versions, and would misread addresses with an invalid Host.
    """
    if version not in _VERSIONS:
        return _OTHER_VERSION
    given = [*hosts]
    return _WRONG_HOST if len(given) > 1 or not all(map(_is_host, given)) else ""


def _is_host(value: bytes) -> bool:
    found = _HOST.fullmatch(value)
    if found is None or found[1] is None:
        return found is not None
    try:
        IPv6Address(found[1].decode())
    except ValueError:
        return False
    return True
