"""One connection of the load generator."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import cast

from bench.messages import MARK

_MARK = re.compile(re.escape(MARK.encode()))
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
#: Ferry answers mParticle with 202 and Segment with 200.
_TAKEN = (b"HTTP/1.1 202 ", b"HTTP/1.1 200 ")


class Line(asyncio.Protocol):
    """Sends one request at a time over a kept connection. `since`: when the current request was due (monotonic).

    It calls `answered(line, now)` for each 200 and 202, and `failed(reason)` for everything else.
    """

    def __init__(self, request: bytes, answered: Callable[[Line, float], None], failed: Callable[[str], None]) -> None:
        self._request = bytearray(request)
        self._marks = [found.span() for found in _MARK.finditer(request)]
        self._answered = answered
        self._failed = failed
        self._answer = b""
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport of the new connection."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has another class but the same methods

    def connection_lost(self, exc: Exception | None) -> None:
        """Report that the server closed the connection; this has no effect when the run is over."""
        self._failed("the server closed a connection; see its log")

    def send(self, number: int, since: float) -> None:
        """Send the request with this number, written in place: the previous request has been answered."""
        digits = b"%012d" % number
        for start, end in self._marks:
            self._request[start:end] = digits
        self.since = since
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Read a part of the answer, usually all of it."""
        self._answer += data
        head = self._answer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._answer, 0, head + 2)
        if length is None or not self._answer.startswith(_TAKEN):
            status = self._answer.split(b"\r\n", 1)[0].decode()
            self._failed(f"the server answered {status!r} instead of 200 or 202 with a length")
        elif len(self._answer) >= head + 4 + int(length[1]):
            self._answer = b""
            self._answered(self, time.monotonic())
