"""A TCP proxy that stops passing bytes on, as a network does whose other side is gone: nothing is closed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self


class Freezing:
    """Listens on a free port of the loopback address and passes everything on to `host`:`port` until it freezes."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._frozen = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def freeze(self) -> None:
        """Pass nothing on any more; new connections come about and are never answered."""
        self._frozen.set()

    def _begin(self, what: Callable[..., None], *given: socket.socket) -> None:
        threading.Thread(target=what, args=given, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                if not self._frozen.is_set():
                    server = socket.create_connection(self._upstream)
                    self._sockets.append(server)
                    self._begin(self._pass, client, server)
                    self._begin(self._pass, server, client)

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while piece := one.recv(65_536):
                if self._frozen.is_set():
                    return
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)
