"""One HTTP exchange with Klaviyo on `requests`: bounded in time and size, on one host, without redirects."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from klaviyo import holds
from klaviyo.deadline import Deadline, DeadlineAdapter
from klaviyo.outcomes import UNEXPECTED, HoldNeeded, Retry
from klaviyo.revision import REVISION
from text.hosts import is_loopback

MEDIA_TYPE = "application/vnd.api+json"
CONNECT_S = 5.0
READ_S = 30.0
TOTAL_S = 60.0
#: A page of 100 import errors with payloads of up to 100 KB is the largest answer Klaviyo has reason to give.
MAX_ANSWER = 20_000_000

_PIECE = 65_536
# At DEBUG, urllib3 logs whole URLs; the filters in ours hold people's addresses.
logging.getLogger("urllib3").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


#: What comes of a request.
Answer = Reply | Retry | HoldNeeded


class Transport:
    """Sends requests to `base_url` with one key. Not for use by several threads at once."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        revision: str = REVISION,
        *,
        timeout_s: tuple[float, float] = (CONNECT_S, READ_S),
        total_s: float = TOTAL_S,
    ) -> None:
        """`timeout_s`: connect and read. Raises ValueError for a base URL or key that must not be used."""
        self.base_url = check_base_url(base_url)
        self._timeout_s = timeout_s
        self._total_s = total_s
        self._session = requests.Session()
        self._session.auth = _KeyAuth(api_key)
        self._session.headers.update({"Accept": MEDIA_TYPE, "User-Agent": user_agent(), "revision": revision})
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, DeadlineAdapter())

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def send(self, method: str, path: str, query: str = "", body: bytes | None = None) -> Answer:
        """The answer, or a Retry when there was none: then the request may or may not have been applied.

        A HoldNeeded when nothing was sent, because the other side does not prove to be Klaviyo. `query`: already
        encoded. `body`: JSON.
        """
        with Deadline(self._total_s) as deadline:
            answer = self._exchange(method, path, query, body)
        # A cut body without a length looks like a complete one, so the clock has the last word.
        return Retry(None, counts=False, why="network:deadline") if deadline.passed else answer

    def _exchange(self, method: str, path: str, query: str, body: bytes | None) -> Answer:
        try:
            with self._session.request(
                method,
                f"{self.base_url}{path}" + (f"?{query}" if query else ""),
                # As a file, so that the timeout is for each block sent and not for the whole 5 MB.
                data=None if body is None else BytesIO(body),
                headers=None if body is None else {"Content-Type": MEDIA_TYPE},
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = _read(response)
        except (OSError, HTTPError) as fault:
            if _refuses_certificate(fault):
                return holds.certificate_refused()
            # The fault's own text is dropped: it quotes the URL, and the URL may hold addresses.
            return Retry(None, counts=False, why=f"network:{type(fault).__name__}")
        return UNEXPECTED if content is None else Reply(response.status_code, response.headers, content)


def _refuses_certificate(fault: BaseException | None) -> bool:
    """Whether that is at the bottom of it: requests and urllib3 wrap what TLS said, and break-offs alike."""
    while fault is not None and not isinstance(fault, ssl.SSLCertVerificationError):
        fault = fault.__cause__ or fault.__context__
    return fault is not None


class _KeyAuth(AuthBase):
    """Sets the key. As a plain session header it would lose to an entry for the host in a `.netrc`."""

    def __init__(self, api_key: str) -> None:
        # Checked here because the HTTP library would quote the whole header in its complaint.
        if not re.fullmatch(r"[!-~]+", api_key):
            raise ValueError("The Klaviyo key is empty or holds spaces or other stray characters: copy it again.")
        self._value = f"Klaviyo-API-Key {api_key}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


def _read(response: requests.Response) -> bytes | None:
    """The decoded body; None when it is longer than any that Klaviyo has reason to send."""
    pieces, size = [], 0
    for piece in response.iter_content(_PIECE):
        size += len(piece)
        if size > MAX_ANSWER:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def check_base_url(base_url: str) -> str:
    """`base_url` without a closing slash. ValueError unless https, or http to this very machine."""
    parts = urlsplit(base_url)
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None or not parts.hostname:
        raise ValueError("Klaviyo's base URL must be a scheme and a host, like https://a.klaviyo.com.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError(
            f"Klaviyo's base URL must use https, because the key travels with every request; "
            f"{parts.scheme}://{parts.hostname} is allowed for this machine's loopback addresses only."
        )
    return base_url.rstrip("/")


def user_agent() -> str:
    """`ferry/<version>`: Klaviyo's edge challenges clients that do not name themselves."""
    try:
        return f"ferry/{version('ferry-klaviyo')}"
    except PackageNotFoundError:  # A checkout that was not installed.
        return "ferry/0"
