"""A local receiver of what Sentry's library sends: envelopes over HTTP, each of a header and items, a line each."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from tests.support.listening import listening


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

    def take(path: str, headers: Message, body: bytes) -> int:
        if path == "/api/7/envelope/":
            receiver.bodies.append((gzip.decompress(body) if headers["Content-Encoding"] == "gzip" else body).decode())
        else:
            receiver.others.append(path)
        return 200

    with listening(take) as port:
        receiver = Receiver(f"http://public@127.0.0.1:{port}/7")
        yield receiver
