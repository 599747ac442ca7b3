"""What uvicorn leaves to a proxy in front of it: the size of a request's head, its time, its version and its Host."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from ipaddress import IPv6Address
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
_VERSIONS: Final = ("1.0", "1.1")
_OTHER_VERSION: Final = "The request is neither HTTP/1.0 nor HTTP/1.1. Nothing was accepted; send it as HTTP/1.1."
_WRONG_HOST: Final = (
    "The header Host stands there twice, or names no host. Nothing was accepted; send it once, as in Host: example.com."
)
_NO_HTTP: Final = "The request is not HTTP as it should be. Nothing was accepted; see the client or the proxy in front."
#: A name or an address with a port or without (RFC 3986, 3.2.2); what stands in brackets is looked at by itself.
_HOST: Final = re.compile(rb"(?:\[([^\[\]]*)\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?", re.ASCII)
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
        self._fault = ""
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
        """The head is whole. Raises ValueError, of which the parser makes an answer of 400."""
        self._fault = head_fault(
            self.parser.get_http_version(), (value for name, value in self.headers if name == b"host")
        )
        if self._fault:
            raise ValueError(self._fault)
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

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request in the form of all errors, whatever the base says of it (`msg`)."""
        if self.cycle is not None and self.cycle.response_complete:
            self._in_head = True  # of a request to come, and not of the one that was answered
        self._end("400 Bad Request", self._fault or _NO_HTTP)

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


def head_fault(version: str, hosts: Iterable[bytes]) -> str:
    """What is wrong with a head, with the remedy; empty for nothing. `hosts`: its headers Host. Pure.

    The app behind it breaks on other versions, and other addresses would be taken for what they are not.
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
