"""A real intake in a thread of the test's process, and plain ways to talk to it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import uvicorn

from configuration.connections import Connection, Connections
from configuration.settings import Settings, Token
from intake.app import create_app
from intake.http.server import App, config
from tests.support.waiting import until

TOKEN = "0b5c4d3f7a1e4c66"


@dataclass(frozen=True, slots=True)
class Intake:
    """A running intake. `port`: on the loopback address."""

    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def post(self, path: str, body: Any, token: str = TOKEN, **headers: str) -> requests.Response:
        """POST bytes, text, chunks, or anything else as JSON; header names with _ for -."""
        return self._send("POST", path, body, token, headers)

    def put(self, path: str, body: Any, token: str = TOKEN, **headers: str) -> requests.Response:
        """As `post`."""
        return self._send("PUT", path, body, token, headers)

    def _send(self, method: str, path: str, body: Any, token: str, headers: dict[str, str]) -> requests.Response:
        plain = isinstance(body, bytes | str) or hasattr(body, "__next__")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Token {token}"
        data = body if plain else json.dumps(body)
        with _session() as session:
            return session.request(method, self.url + path, data=data, headers=sent, timeout=30)

    def get(self, path: str, token: str = "") -> requests.Response:
        """GET, without a token unless one is given."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.get(self.url + path, headers=headers, timeout=30)

    def raw(self, *parts: bytes, until: bytes = b"\r\n\r\n", seconds: float = 60.0) -> bytes:
        """What comes back for bytes sent one after the other, up to `until` or the end of the connection."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            for part in parts:
                connection.sendall(part)
            while until not in answer and (more := connection.recv(65_536)):
                answer += more
        return answer


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # looking for proxies takes longer than some requests
    return session


def known(redis_url: str, **more: Any) -> Settings:
    """Settings with one token and one connection."""
    more = {"tokens": (Token("mparticle", TOKEN),)} | more
    return Settings(redis_url=redis_url, connections=Connections({"default": Connection("default")}), **more)


@contextmanager
def running(settings: Settings, make: Callable[[Settings], App] = create_app) -> Iterator[Intake]:
    """An intake, or what `make` makes, that runs as long as the block."""
    server = uvicorn.Server(config(make(settings), "127.0.0.1", 0))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        _wait_until_up(server, thread)
        yield Intake(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive(), "the intake does not end"


def _wait_until_up(server: uvicorn.Server, thread: threading.Thread, seconds: float = 60.0) -> None:
    until(lambda: server.started or not thread.is_alive(), "the intake starts", seconds)
    assert thread.is_alive(), "the intake did not start"
