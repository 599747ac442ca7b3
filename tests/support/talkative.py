"""A Klaviyo that refuses everything and repeats, wherever it can, what it was sent and with which key."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Talkative:
    """`status` and `pointer`: of a refusal. `html`, `cut`: its form. `reads`: what is only asked for is answered.

    `refused`: what was repeated.
    """

    url: str
    status: int = 400
    pointer: str = "/data"
    html: bool = False
    cut: bool = False
    reads: bool = True
    refused: list[str] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    talkative: Talkative


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        if not self.server.talkative.reads:
            self._refuse()
        elif self.path.startswith("/api/lists/LIST42?"):
            self._send(200, {"data": {"type": "list", "id": "LIST42", "attributes": {"name": "VIPs"}}})
        else:
            self._send(200, {"data": [{"type": "profile", "id": "PROFILE7"}], "links": {"next": None}})

    def _refuse(self) -> None:
        talkative = self.server.talkative
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        said = f"{self.path} {self.headers['Authorization']} {body}"
        talkative.refused.append(said)
        problem = {
            "id": said,
            "code": "invalid" if talkative.status == 400 else said,
            "title": said,
            "detail": said,
            "source": {"pointer": talkative.pointer, "parameter": said},
            "meta": {"duplicate_profile_id": said},
        }
        echo = json.dumps(said)[:1000]
        headers = {"Retry-After": "0" if talkative.status == 429 else echo, "Location": f"http://127.0.0.1:1/{echo}"}
        self._send(talkative.status, {"errors": [problem]}, headers)

    do_POST = do_DELETE = do_PATCH = _refuse  # noqa: N815  # named by http.server

    def _send(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        talkative, refusal, text = self.server.talkative, status != 200, json.dumps(document)
        content = (f"<html>{text}</html>" if talkative.html and refusal else text).encode()
        missing = 10 if talkative.cut and refusal else 0
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if talkative.html else "application/vnd.api+json")
        self.send_header("Content-Length", str(len(content) + missing))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = bool(missing)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def talkative() -> Iterator[Talkative]:
    """One that has the list LIST42 and somebody on it."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.talkative = Talkative(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.talkative
        server.shutdown()
        thread.join()
