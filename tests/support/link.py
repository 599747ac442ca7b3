"""One connection through the proxy, and the trap that may be on it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from tests.support.frames import SETUP

#: `before` a request is forwarded; `after` the server carried it out, its reply withheld; `during` its reply.
When = Literal["before", "after", "during"]
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Trap:
    """What happens at the request of number `at`: `kill` is called, or the connection is reset where it is None."""

    at: int
    when: When
    kill: Callable[[], None] | None
    uncounted: frozenset[str]

    def counts(self, name: str) -> bool:
        """Whether requests of that name have a number."""
        return name not in SETUP and name not in self.uncounted


@dataclass(eq=False, slots=True)
class Link:
    """`trap`: the request was forwarded, its reply springs it. `deaf`: the client hears nothing any more."""

    client: socket.socket
    server: socket.socket
    trap: Trap | None = None
    deaf: bool = False

    def reset(self) -> None:
        """The client sees a connection reset; what was forwarded still reaches the server."""
        self.deaf = True
        with suppress(OSError):
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.client.shutdown(socket.SHUT_RD)
        self.client.close()


def connect(upstream: str) -> socket.socket:
    """A connection to `unix://<path>` or `http://<host>:<port>`. Raises OSError."""
    scheme, _, rest = upstream.partition("://")
    if scheme == "unix":
        server = socket.socket(socket.AF_UNIX)
        server.connect(rest)
        return server
    host, _, port = rest.rpartition(":")
    server = socket.create_connection((host, int(port)))
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server
