"""A total deadline for an HTTP exchange, which `requests` lacks: its timeouts start again with every byte.

A timer shuts the socket down when the time is over. This ends sending, waiting for headers and reading a body,
however slowly the other side sends. The name look-up and the connect happen before the socket exists; the connect
timeout bounds them.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from contextvars import ContextVar
from types import TracebackType

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Deadline:
    """The deadline of one exchange: `with Deadline(60) as deadline:`; then `deadline.passed` says if it was cut off."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._token = _current.set(self)
        self._timer.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._timer.cancel()
        self._socket = None
        _current.reset(self._token)

    def watch(self, sock: socket.socket | None) -> None:
        """Shut this socket down when the time is over, or at once if it is over already."""
        self._socket = sock
        if self.passed:
            self._cut()

    def _cut(self) -> None:
        self.passed = True
        if self._socket is not None:
            # An OSError means that the socket is closed already. The plain method is called because that of a TLS
            # socket also drops its TLS state while another thread reads from it.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class _Watched(HTTPConnection):
    """Registers its socket with the deadline of the exchange, both when it connects and when it is reused."""

    def connect(self) -> None:
        super().connect()
        self._watch()

    def putrequest(self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False) -> None:
        self._watch()
        super().putrequest(method, url, skip_host, skip_accept_encoding)

    def _watch(self) -> None:
        deadline = _current.get()
        if deadline is not None:
            deadline.watch(self.sock)


class _WatchedTLS(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose exchanges obey the `Deadline` they run in, also through a proxy. It never retries."""

    def __init__(self) -> None:
        super().__init__()
        _use_watched(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: str) -> PoolManager:
        """Return the manager of the connections to a proxy."""
        return _use_watched(super().proxy_manager_for(proxy, **proxy_kwargs))


def _use_watched(manager: PoolManager) -> PoolManager:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return manager
