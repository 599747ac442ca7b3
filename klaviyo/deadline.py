"""The deadline of an exchange, which ends it however slowly the other side sends or reads.

A total deadline is what `requests` lacks: its timeouts start again with every byte. So each read, and each block that
is sent, gets no more than the time that is left. The name look-up and the connect happen before a socket exists; the
connect timeout bounds them.
"""

from __future__ import annotations

import socket
import time
from contextvars import ContextVar
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from types import TracebackType
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Deadline:
    """The deadline of one exchange: `with Deadline(60) as deadline:`; then `deadline.passed` says if it is over."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def __enter__(self) -> Deadline:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        _current.reset(self._token)

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._ends

    def bound(self, sock: socket.socket) -> None:
        """Let the next operation on the socket take no longer than is left. Raises TimeoutError when nothing is."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        timeout = sock.gettimeout()
        if timeout is None or left < timeout:
            sock.settimeout(left)

    def reader(self, sock: socket.socket) -> BufferedReader:
        """Return what `sock.makefile("rb")` would, with each read bounded."""
        return BufferedReader(_BoundedReads(self, sock))


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class _BoundedReads(RawIOBase):
    def __init__(self, deadline: Deadline, sock: socket.socket) -> None:
        self._deadline = deadline
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        self._deadline.bound(self._sock)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedAnswer(HTTPResponse):
    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        deadline = _current.get()
        if deadline is not None:
            self.fp.close()
            self.fp = deadline.reader(sock)


class _Bounded(HTTPConnection):
    """Bounds each block that it sends and each read of the answer by the deadline of the exchange."""

    response_class = _BoundedAnswer

    def send(self, data: Any) -> None:
        deadline = _current.get()
        # Without a socket yet, `send` connects first.
        if deadline is not None and self.sock is not None:
            deadline.bound(self.sock)
        super().send(data)


class _BoundedTLS(_Bounded, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTLS


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose exchanges obey the `Deadline` they run in, also through a proxy. It never retries."""

    def __init__(self) -> None:
        super().__init__()
        _use_bounded(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: str) -> PoolManager:
        """Return the manager of the connections to a proxy."""
        return _use_bounded(super().proxy_manager_for(proxy, **proxy_kwargs))


def _use_bounded(manager: PoolManager) -> PoolManager:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return manager
