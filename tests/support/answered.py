"""The client where `responses` answers for Klaviyo: what it sent, and answers that refuse."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import responses

from klaviyo.client import Klaviyo
from tests.support.client import OpenLimiter

URL = "https://a.klaviyo.com"


def client() -> Klaviyo:
    """A client that no limiter stops."""
    return Klaviyo(URL, "pk_test", OpenLimiter())


def sent_query(index: int = 0) -> dict[str, list[str]]:
    """The query of a request."""
    return parse_qs(urlsplit(str(responses.calls[index].request.url)).query, strict_parsing=True)


def sent_body(index: int = 0) -> Any:
    """The body of a request."""
    body = responses.calls[index].request.body
    assert isinstance(body, bytes)
    return json.loads(body)


def refused(*pointers: str) -> dict[str, Any]:
    """A refusal that names these places."""
    return {"errors": [{"id": "e", "code": "invalid", "detail": "d", "source": {"pointer": one}} for one in pointers]}


class ScriptedLimiter:
    """Answers `acquire` from a list, then lets everything through; remembers what it was asked."""

    def __init__(self, *waits: float) -> None:
        self.waits = list(waits)
        self.asked: list[str] = []
        self.pauses: list[tuple[str, float]] = []

    def acquire(self, endpoint: str) -> float:
        """The next wait."""
        self.asked.append(endpoint)
        return self.waits.pop(0) if self.waits else 0.0

    def pause(self, endpoint: str, seconds: float) -> None:
        """Note it."""
        self.pauses.append((endpoint, seconds))


class Heard:
    """Remembers what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def calls(self, endpoint: str) -> None:
        """Note it."""
        self.told.append(("calls", endpoint))

    def throttled(self, endpoint: str) -> None:
        """Note it."""
        self.told.append(("throttled", endpoint))

    def waits(self, endpoint: str, seconds: float) -> None:
        """Note it."""
        self.told.append(("waits", endpoint, f"{seconds:g}"))

    def partial_failure(self, endpoint: str, field: str) -> None:
        """Note it."""
        self.told.append(("partial_failure", endpoint, field))
