"""What the libraries of Segment and RudderStack put on the wire, header for header, and ways to send it.

Each form is what the library's own source sends for one message or a batch when only its host and write key are set.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import requests

from tests.support.intake import Intake

Message = dict[str, Any]
#: Where the library shows its write key.
KeyIn = Literal["header", "body", "both"]
PAGE: Final = "https://www.example.com"


def basic(user: str, password: str = "") -> str:
    """The header Authorization for HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Library:
    """How one library posts. `path`: behind its host; `{type}` and `{letter}` stand for the type of a single message.

    `batches`: whether it posts `{"batch": [...]}`. `packed`: by gzip. `chunked`: without a Content-Length.
    `from_page`: whether a browser sends it, with the origin PAGE.
    """

    path: str
    content_type: str
    key: KeyIn
    batches: bool = True
    packed: bool = False
    chunked: bool = False
    from_page: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def posted(self, write_key: str, *messages: Message) -> Posted:
        """The request for these messages; one message if the library does not batch."""
        body = self._body(messages)
        if self.key != "header":
            body["writeKey"] = write_key
        data = json.dumps(body).encode()
        kind = "" if self.batches else str(messages[0]["type"])
        return Posted(
            self.path.format(type=kind, letter=kind[:1]),
            self._headers(write_key),
            gzip.compress(data) if self.packed else data,
            self.chunked,
        )

    def _body(self, messages: tuple[Message, ...]) -> dict[str, Any]:
        if self.batches:
            return {"batch": list(messages), "sentAt": "2026-11-21T12:00:01.000Z"}
        (only,) = messages
        return {**only, "sentAt": "2026-11-21T12:00:01.000Z"}

    def _headers(self, write_key: str) -> dict[str, str]:
        found = {"Content-Type": self.content_type, **self.headers}
        if self.key != "body":
            found["Authorization"] = basic(write_key)
        if self.packed:
            found["Content-Encoding"] = "gzip"
        if self.from_page:
            found["Origin"] = PAGE
        return found


@dataclass(frozen=True, slots=True)
class Posted:
    """A request, ready to be sent."""

    path: str
    headers: dict[str, str]
    body: bytes
    chunked: bool = False

    def send(self, intake: Intake, query: str = "") -> requests.Response:
        """The answer of an intake."""
        data = _chunks(self.body) if self.chunked else self.body
        return requests.post(intake.url + self.path + query, data=data, headers=self.headers, timeout=30)


def _chunks(body: bytes, size: int = 512) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


_ANONYMOUS: Final = {"AnonymousId": base64.b64encode(b"a-1").decode()}
#: Library -> its form.
LIBRARIES: Final = {
    "segment-python": Library("/v1/batch", "application/json", "both"),
    "segment-python, gzip": Library("/v1/batch", "application/json", "both", packed=True),
    "segment-node": Library("/v1/batch", "application/json", "both", headers={"X-Retry-Count": "1"}),
    "segment-java": Library("/v1/import", "application/json; charset=UTF-8", "header"),
    "segment-import": Library("/v1/import/", "application/json", "header"),
    "segment-ruby": Library("/v1/import", "application/json", "header"),
    "segment-php, gzip": Library("/v1/batch", "application/json", "header", packed=True),
    "segment-kotlin": Library("/v1/b", "text/plain", "body", packed=True, chunked=True),
    "segment-swift": Library("/v1/b", "application/json; charset=utf-8", "body"),
    "segment-react-native": Library("/v1/b", "text/plain", "body"),
    "analytics.js": Library("/v1/{letter}", "text/plain", "body", batches=False, from_page=True),
    "analytics.js, batching": Library("/v1/b", "text/plain", "body", from_page=True),
    "rudder-python": Library("/v1/batch", "application/json", "header", packed=True),
    "rudder-node": Library("/v1/batch", "application/x-www-form-urlencoded", "header", packed=True),
    "rudder-ruby": Library("/v1/batch", "application/json", "header", packed=True),
    "rudder-android": Library("/v1/batch", "application/json", "header", headers=_ANONYMOUS),
    "rudder-js": Library(
        "/v1/{type}", "application/json;charset=UTF-8", "header", batches=False, from_page=True, headers=_ANONYMOUS
    ),
    "rudder-js, batching": Library(
        "/v1/batch", "application/json;charset=UTF-8", "header", from_page=True, headers=_ANONYMOUS
    ),
    "curl": Library("/v1/{type}", "application/json", "body", batches=False),
}


def asks_first(intake: Intake, path: str, origin: str, *headers: str) -> requests.Response:
    """The answer to a browser that asks whether a page may post, with these headers of its own."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    if headers:
        asked["Access-Control-Request-Headers"] = ",".join(headers)
    return requests.options(intake.url + path, headers=asked, timeout=30)
