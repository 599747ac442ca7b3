"""One HTTP exchange with Klaviyo over `requests`: bounded in time and size, to one host, without redirects."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from klaviyo import holds
from klaviyo.deadline import Deadline, DeadlineAdapter
from klaviyo.outcomes import UNEXPECTED, HoldNeeded, Retry
from klaviyo.revision import REVISION

MEDIA_TYPE = "application/vnd.api+json"
CONNECT_S = 5.0
READ_S = 30.0
TOTAL_S = 60.0
#: The largest answer to expect is a page of 100 import errors with payloads of up to 100 KB.
MAX_ANSWER = 20_000_000
_PIECE = 65_536
# At DEBUG, urllib3 logs whole URLs, and the filters in them contain people's addresses.
logging.getLogger("urllib3").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


#: The result of a request.
Answer = Reply | Retry | HoldNeeded


class Transport:
    """Sends requests to `base_url` with one key. Not thread-safe."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        revision: str = REVISION,
        *,
        timeout_s: tuple[float, float] = (CONNECT_S, READ_S),
        total_s: float = TOTAL_S,
    ) -> None:
        """Create a session. Raises ValueError for a malformed key.

        `base_url`: as the settings have checked it. `timeout_s`: connect and read.
        """
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._total_s = total_s
        self._session = requests.Session()
        self._session.auth = _KeyAuth(api_key)
        self._session.headers.update({"Accept": MEDIA_TYPE, "User-Agent": user_agent(), "revision": revision})
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, DeadlineAdapter())
        self._read_environment()

    def _read_environment(self) -> None:
        """Read proxies and authorities once: `requests` would go through all variables twice for each request."""
        found = self._session.merge_environment_settings(self.base_url, {}, None, None, None)
        self._session.proxies.update(found["proxies"])
        self._session.verify = found["verify"]
        self._session.trust_env = False

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def send(self, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
        """Send a request and return the answer, or a Retry when there was none; it may have been applied or not.

        Returns a HoldNeeded when nothing was sent because the other side does not prove to be Klaviyo. `query`: already
        encoded. `body`: JSON.
        """
        with Deadline(self._total_s) as deadline:
            try:
                return self._exchange(method, path, query, body)
            except (OSError, HTTPError) as fault:
                if _refuses_certificate(fault):
                    return holds.certificate_refused()
                # The text of the fault is dropped: it quotes the URL, which may contain addresses.
                why = "deadline" if deadline.passed else type(fault).__name__
                return Retry(None, counts=False, why=f"network:{why}")

    def _exchange(self, method: str, path: str, query: str, body: bytes | None) -> Answer:
        with self._session.request(
            method,
            f"{self.base_url}{path}" + (f"?{query}" if query else ""),
            # As a file, so that the timeout applies to each block sent and not to the whole 5 MB.
            data=None if body is None else BytesIO(body),
            headers=None if body is None else {"Content-Type": MEDIA_TYPE},
            timeout=self._timeout_s,
            allow_redirects=False,
            stream=True,
        ) as response:
            content = _read(response)
        return UNEXPECTED if content is None else Reply(response.status_code, response.headers, content)


def _refuses_certificate(fault: BaseException | None) -> bool:
    """Whether a refused certificate is the root cause; requests and urllib3 wrap it like a lost connection."""
    while fault is not None and not isinstance(fault, ssl.SSLCertVerificationError):
        fault = fault.__cause__ or fault.__context__
    return fault is not None


class _KeyAuth(AuthBase):
    """Sets the key header. An entry for the host in a `.netrc` would override a plain session header."""

    def __init__(self, api_key: str) -> None:
        # Checked here because the HTTP library would quote the whole header in its error.
        if not re.fullmatch(r"[!-~]+", api_key):
            raise ValueError("The Klaviyo key is empty or contains spaces or other invalid characters: copy it again.")
        self._value = f"Klaviyo-API-Key {api_key}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


def _read(response: requests.Response) -> bytes | None:
    """Return the decoded body, or None when it is longer than MAX_ANSWER."""
    pieces, size = [], 0
    for piece in response.iter_content(_PIECE):
        size += len(piece)
        if size > MAX_ANSWER:
            return None
        pieces.append(piece)
    return b"".join(pieces)


@cache  # each delivery needs it, and the version is looked up in files
def user_agent() -> str:
    """Return `ferry/<version>`. Klaviyo's edge challenges clients without a user agent."""
    try:
        return f"ferry/{version('ferry-klaviyo')}"
    except PackageNotFoundError:  # A checkout that was not installed.
        return "ferry/0"
