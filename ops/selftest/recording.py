"""Transports that record Klaviyo's answers in full: every person here is invented, so nothing needs to be masked."""

from __future__ import annotations

import gzip

from klaviyo.http import Answer, Reply, Transport
from klaviyo.outcomes import read_problems
from klaviyo.responses import left_out


class RecordingTransport(Transport):
    """The client's transport, which also keeps the last answer."""

    last: Answer | None = None

    def send(self, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
        """Send a request, as `Transport.send` does."""
        self.last = None
        self.last = super().send(method, path, query, body)
        return self.last

    def said(self) -> str:
        """Return the last answer as text: `400 invalid: Invalid email address (/data/...)`."""
        if not isinstance(self.last, Reply):
            return "no answer"
        problems = [f"{each.code}: {each.detail} ({each.pointer})" for each in read_problems(self.last.body) or ()]
        return f"{self.last.status} {'; '.join(problems)}".strip()

    def left_out(self) -> list[str]:
        """Return the request's fields that Klaviyo skipped, according to the last answer."""
        return left_out(self.last.headers) if isinstance(self.last, Reply) else []


class GzipTransport(RecordingTransport):
    """A transport that compresses its bodies with gzip."""

    def send(self, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
        """Send a request, as `Transport.send` does."""
        if body is None:
            return super().send(method, path, query)
        self._session.headers["Content-Encoding"] = "gzip"
        try:
            return super().send(method, path, query, gzip.compress(body))
        finally:
            del self._session.headers["Content-Encoding"]


class UnversionedTransport(RecordingTransport):
    """A transport that names no revision of the API."""

    def send(self, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
        """Send a request, as `Transport.send` does."""
        self._session.headers.pop("revision", None)
        return super().send(method, path, query, body)
