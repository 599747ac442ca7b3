"""Unit tests of the ASGI app as uvicorn calls it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from intake.app import create_app
from tests.support.intake import known


class _Cycle:
    """Has the scope and `receive`, as uvicorn's object for a request does."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/healthz",
            "query_string": b"",
            "headers": [],
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 50_000),
            "state": {},
        }

    async def receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, event: dict[str, Any]) -> None:
        self.sent.append(event)


@pytest.fixture
def _uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_uncollected")
def test_an_answered_request_is_freed_without_the_garbage_collector() -> None:
    async def answered() -> tuple[int, weakref.ref[_Cycle]]:
        app = create_app(known("redis://127.0.0.1:1"))
        cycle = _Cycle()
        await app(cycle.scope, cycle.receive, cycle.send)
        return cycle.sent[0]["status"], weakref.ref(cycle)

    status, cycle = asyncio.run(answered())
    assert status == 200
    assert cycle() is None
