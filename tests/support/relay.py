"""Between a sender and Ferry over HTTP: passes every request and answer on as it is, and notes both."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

#: Headers that are about one connection.
_OWN = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. `began`, `ended`: seconds on the monotonic clock."""

    method: str
    path: str
    headers: Message
    status: int
    answer: Message
    began: float
    ended: float


class Relay:
    """Listens on a free port of the loopback address.

    `before` is called before a request is passed on, `after` before its answer is: what they do is done when the other
    side goes on.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream).netloc
        self.seen: list[Exchange] = []
        self.before: Callable[[], None] = _nothing
        self.after: Callable[[Exchange], None] = lambda _: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(30)
        self._server.server_close()

    def statuses(self) -> list[int]:
        """Those of all answers, in order."""
        return [exchange.status for exchange in self.seen]

    def passed(self, method: str, path: str, headers: Message, body: bytes) -> tuple[Exchange, bytes]:
        """The exchange, and the body of the answer."""
        began = time.monotonic()
        self.before()
        upstream = http.client.HTTPConnection(self._upstream, timeout=120)
        sent = {name: value for name, value in headers.items() if name.lower() not in _OWN}
        upstream.request(method, path, body, sent)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        exchange = Exchange(method, path, headers, answer.status, answer.headers, began, time.monotonic())
        self.after(exchange)
        self.seen.append(exchange)
        return exchange, content

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = self.headers["Content-Length"]
                body = self.rfile.read(int(length)) if length else _chunked(self)
                exchange, content = relay.passed("POST", self.path, self.headers, body)
                self.send_response_only(exchange.status)
                for name, value in exchange.answer.items():
                    if name.lower() not in _OWN:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nothing: the test says what was seen."""

        return Handler


def _nothing() -> None:
    """Nothing is done before a request."""


def _chunked(handler: BaseHTTPRequestHandler) -> bytes:
    body = b""
    while size := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body
