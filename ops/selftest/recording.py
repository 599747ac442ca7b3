"""What Klaviyo answers, word for word: here every person is made up, so nothing has to be left out."""

from __future__ import annotations

import gzip

from klaviyo.calls import left_out
from klaviyo.http import Answer, Reply, Transport
from klaviyo.outcomes import read_problems


class RecordingTransport(Transport):
    """The client's own transport, which remembers the last answer."""

    last: Answer | None = None

    def send(self, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
        """As `Transport.send`."""
        self.last = None
        self.last = super().send(method, path, query, body)
        return self.last

    def said(self) -> str:
        """The last answer: `400 invalid: Invalid email address (/data/...)`."""
        if not isinstance(self.last, Reply):
            return "no answer"
        problems = [f"{each.code}: {each.detail} ({each.pointer})" for each in read_problems(self.last.body) or ()]
        return f"{self.last.status} {'; '.join(problems)}".strip()

    def left_out(self) -> list[str]:
        """The fields of the request that the last answer says Klaviyo went on without."""
        return left_out(self.last.headers) if isinstance(self.last, Reply) else []


class GzipTransport(RecordingTransport):
    """Sends its bodies packed."""

    def send(self, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
        """As `Transport.send`."""
        if body is None:
            return super().send(method, path, query)
        self._session.headers["Content-Encoding"] = "gzip"
        try:
            return super().send(method, path, query, gzip.compress(body))
        finally:
            del self._session.headers["Content-Encoding"]


class UnversionedTransport(RecordingTransport):
    """Names no revision of the API."""

    def send(self, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
        """As `Transport.send`."""
        self._session.headers.pop("revision", None)
        return super().send(method, path, query, body)
