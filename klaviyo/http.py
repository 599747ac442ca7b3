"""One HTTP exchange with Klaviyo over `requests`: bounded in time and size, to one host, without redirects.

A total deadline is what `requests` lacks: its timeouts start again with every byte. A timer shuts the socket down when
the time is over. This ends sending, waiting for headers and reading a body, however slowly the other side sends. The
name look-up and the connect happen before the socket exists; the connect timeout bounds them.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from types import TracebackType

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from klaviyo import holds
from klaviyo.outcomes import UNEXPECTED, HoldNeeded, Retry
from klaviyo.revision import REVISION

MEDIA_TYPE = "application/vnd.api+json"
CONNECT_S = 5.0
READ_S = 30.0
TOTAL_S = 60.0
#: The largest answer to expect is a page of 100 import errors with payloads of up to 100 KB.
MAX_ANSWER = 20_000_000
_PIECE = 65_536
# At DEBUG, urllib3 logs whole URLs, and the filters in them contain people's addresses.
logging.getLogger("urllib3").setLevel(logging.ERROR)


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


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


#: The result of a request.
Answer = Reply | Retry | HoldNeeded


class Transport:
    """Sends requests to `base_url` with one key. Not thread-safe."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        revision: str = REVISION,
        *,
        timeout_s: tuple[float, float] = (CONNECT_S, READ_S),
        total_s: float = TOTAL_S,
    ) -> None:
        """Create a session. Raises ValueError for a malformed key.

        `base_url`: as the settings have checked it. `timeout_s`: connect and read.
        """
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._total_s = total_s
        self._session = requests.Session()
        self._session.auth = _KeyAuth(api_key)
        self._session.headers.update({"Accept": MEDIA_TYPE, "User-Agent": user_agent(), "revision": revision})
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, DeadlineAdapter())
        self._read_environment()

    def _read_environment(self) -> None:
        """Read proxies and authorities once: `requests` would go through all variables twice for each request."""
        found = self._session.merge_environment_settings(self.base_url, {}, None, None, None)
        self._session.proxies.update(found["proxies"])
        self._session.verify = found["verify"]
        self._session.trust_env = False

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def send(self, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
        """Send a request and return the answer, or a Retry when there was none; it may have been applied or not.

        Returns a HoldNeeded when nothing was sent because the other side does not prove to be Klaviyo. `query`: already
        encoded. `body`: JSON.
        """
        with Deadline(self._total_s) as deadline:
            answer = self._exchange(method, path, query, body)
        # A truncated body without a length looks complete, so a passed deadline overrides the answer.
        return Retry(None, counts=False, why="network:deadline") if deadline.passed else answer

    def _exchange(self, method: str, path: str, query: str, body: bytes | None) -> Answer:
        try:
            with self._session.request(
                method,
                f"{self.base_url}{path}" + (f"?{query}" if query else ""),
                # As a file, so that the timeout applies to each block sent and not to the whole 5 MB.
                data=None if body is None else BytesIO(body),
                headers=None if body is None else {"Content-Type": MEDIA_TYPE},
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = _read(response)
        except (OSError, HTTPError) as fault:
            if _refuses_certificate(fault):
                return holds.certificate_refused()
            # The text of the fault is dropped: it quotes the URL, which may contain addresses.
            return Retry(None, counts=False, why=f"network:{type(fault).__name__}")
        return UNEXPECTED if content is None else Reply(response.status_code, response.headers, content)


def _refuses_certificate(fault: BaseException | None) -> bool:
    """Whether a refused certificate is the root cause; requests and urllib3 wrap it like a lost connection."""
    while fault is not None and not isinstance(fault, ssl.SSLCertVerificationError):
        fault = fault.__cause__ or fault.__context__
    return fault is not None


class _KeyAuth(AuthBase):
    """Sets the key header. An entry for the host in a `.netrc` would override a plain session header."""

    def __init__(self, api_key: str) -> None:
        # Checked here because the HTTP library would quote the whole header in its error.
        if not re.fullmatch(r"[!-~]+", api_key):
            raise ValueError("The Klaviyo key is empty or contains spaces or other invalid characters: copy it again.")
        self._value = f"Klaviyo-API-Key {api_key}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


def _read(response: requests.Response) -> bytes | None:
    """Return the decoded body, or None when it is longer than MAX_ANSWER."""
    pieces, size = [], 0
    for piece in response.iter_content(_PIECE):
        size += len(piece)
        if size > MAX_ANSWER:
            return None
        pieces.append(piece)
    return b"".join(pieces)


@cache  # each delivery needs it, and the version is looked up in files
def user_agent() -> str:
    """Return `ferry/<version>`. Klaviyo's edge challenges clients without a user agent."""
    try:
        return f"ferry/{version('ferry-klaviyo')}"
    except PackageNotFoundError:  # A checkout that was not installed.
        return "ferry/0"
