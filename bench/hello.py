"""A server that only answers 202, to measure what the load generator can send: `python -m bench.hello PORT`."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Hello(asyncio.Protocol):
    """Answers each request when it is complete."""

    def __init__(self) -> None:
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport of the new connection."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has another class but the same methods

    def data_received(self, data: bytes) -> None:
        """Read a part of a request; the first part contains the whole head, which is short."""
        if not self._missing:
            length = _LENGTH.search(data)
            if length is None:
                raise ValueError("a request without Content-Length")
            self._missing = data.index(b"\r\n\r\n") + 4 + int(length[1])
        self._missing -= len(data)
        if not self._missing:
            self._transport.write(_ANSWER)


async def serve(port: int) -> None:
    """Serve on the loopback address until the process ends."""
    server = await asyncio.get_running_loop().create_server(Hello, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
