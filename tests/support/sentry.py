"""A local receiver of what Sentry's library sends: envelopes over HTTP, each of a header and items, a line each."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Receiver:
    """`bodies`: of the envelopes, unpacked. `others`: paths of whatever else came."""

    dsn: str
    bodies: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The errors that were told."""
        return [event for body in self.bodies for event in _events(body.splitlines()[1:])]


def _events(lines: list[str]) -> Iterator[dict[str, Any]]:
    for head, payload in zip(lines[::2], lines[1::2], strict=True):
        if json.loads(head)["type"] == "event":
            yield json.loads(payload)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for project 7, as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            if self.path == "/api/7/envelope/":
                receiver.bodies.append(content.decode())
            else:
                receiver.others.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://public@127.0.0.1:{server.server_port}/7")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
