"""A shorter way from this process to Klaviyo's emulator, for the thousands of stories about who is who.

The emulator's app is called in the thread of its caller: without sockets, a server and its thread. All other tests of
deliveries send their requests over HTTP.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from emulator.app import create_app
from emulator.world import World
from klaviyo.http import MEDIA_TYPE, Answer, Reply, Transport

_SERVED: Final = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": ""}
Headers = Mapping[str, str]


class Shortcut:
    """To one world, which is also served at `url`.

    While a fault is ordered, requests take the usual way: a fault may cut a connection, or delay it. So do requests of
    processes that are forked from this one.
    """

    def __init__(self, world: World, url: str) -> None:
        self.url = url
        self._world, self._app, self._process = world, create_app(world), os.getpid()
        self._one_by_one = Lock()

    def open(self, patch: pytest.MonkeyPatch) -> None:
        """What Ferry sends to `url` from this process takes the shorter way."""
        usual = Transport.send

        def send(transport: Transport, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
            if transport.base_url != self.url or self._is_closed():
                return usual(transport, method, path, query, body)
            target = f"{path}?{query}" if query else path
            return Reply(*self._exchange(method, target, _headers(transport, body), body or b""))

        patch.setattr(Transport, "send", send)
        # Proxies and authorities are looked for in all variables of the environment, for each delivery.
        patch.setattr(Transport, "_read_environment", lambda _: None)

    def _is_closed(self) -> bool:
        return self._world.faults.ordered() or os.getpid() != self._process

    def _exchange(
        self, method: str, target: str, headers: Headers, body: bytes
    ) -> tuple[int, CaseInsensitiveDict[str], bytes]:
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        try:
            with self._one_by_one:
                self._app(self._scope(method, target, headers, body), receive, send).send(None)
        except StopIteration:
            start, *rest = told
        else:
            raise AssertionError(f"the emulator waits at {method} {target.partition('?')[0]}")
        found = CaseInsensitiveDict((name.decode(), value.decode()) for name, value in start["headers"])
        return start["status"], found, b"".join(message.get("body", b"") for message in rest)

    def _scope(self, method: str, target: str, headers: Headers, body: bytes) -> dict[str, Any]:
        host = urlsplit(self.url)
        sent = {name.lower(): value for name, value in headers.items()} | {"host": host.netloc}
        sent |= {"content-length": str(len(body))} if body else {}
        path, _, query = target.partition("?")
        return {
            **_SERVED,
            "method": method,
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "server": (host.hostname, host.port),
        }


def _headers(transport: Transport, body: bytes | None) -> Headers:
    """Those of a session's requests; with its key, which it adds to each of them."""
    session, request = transport._session, requests.PreparedRequest()
    request.headers = CaseInsensitiveDict({name: str(value) for name, value in session.headers.items()})
    request.headers.update({"Content-Type": MEDIA_TYPE} if body else {})
    assert callable(session.auth)
    return session.auth(request).headers
