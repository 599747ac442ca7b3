"""Requests to the API of a remote Ferry, whose answers are decoded by the structs that encoded them there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
from requests.auth import AuthBase

from configuration.checks import is_loopback
from klaviyo.http import user_agent
from ops.client.refusals import WHOSE, refused, unreachable
from ops.errors import Misconfigured

T = TypeVar("T")

#: Seconds to connect, and to wait for an answer: some requests ask Klaviyo first, which may be slow.
_TIMEOUT_S: Final = (5.0, 120.0)
#: Names in one request, and their bytes: a request may have 64 KB.
_NAMES: Final = 500
_BYTES: Final = 48_000


class _TokenAuth(AuthBase):
    """Sets the token. A plain header would be overridden by an entry for the host in a `.netrc`."""

    def __init__(self, token: str) -> None:
        self._value = f"Bearer {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


class Calls:
    """The requests of one command. `url`: the address of Ferry."""

    def __init__(self, url: str) -> None:
        """Raises Misconfigured for a URL or a FERRY_TOKEN that must not be used."""
        self.url = _checked(url)
        self._session = requests.Session()
        # Plain http stays on this machine, and so must not go to a proxy, which could read the token.
        self._session.trust_env = self.url.lower().startswith("https:")
        self._session.auth = _TokenAuth(_token())
        self._session.headers.update({"Accept": "application/json", "User-Agent": user_agent()})

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def get(self, answer: type[T], path: str, **query: Any) -> T:
        """Return the answer. Raises Failed, click.UsageError, and msgspec.ValidationError for an unknown format."""
        return msgspec.convert(self._call("GET", path, params=query), answer)

    def post(self, answer: type[T], path: str, body: Any) -> T:
        """Return the answer. Raises the same errors as `get`."""
        return msgspec.convert(self._call("POST", path, json=body), answer)

    def _call(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        try:
            url = self.url + path
            answer = self._session.request(method, url, timeout=_TIMEOUT_S, allow_redirects=False, **sent)
        except requests.RequestException as fault:
            raise unreachable(self.url, fault) from fault
        content = _object(answer)
        if answer.status_code == 200 and content is not None:
            return content
        raise refused(self.url, answer, content)


def portions(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the names of queues in as few lists as fit into requests."""
    part: list[str] = []
    for name in names:
        if part and (len(part) == _NAMES or sum(map(len, part)) + len(name) > _BYTES):
            yield part
            part = []
        part.append(name)
    if part:
        yield part


def _object(answer: requests.Response) -> dict[str, Any] | None:
    """Return the JSON object of an answer; None if it has none."""
    try:
        content = answer.json()
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _checked(url: str) -> str:
    """Return the URL without a trailing slash. Raises Misconfigured."""
    wrong = Misconfigured("--url (FERRY_URL): not an address of Ferry. Example: https://ferry.example.com")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as fault:
        raise wrong from fault
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or "@" in parts.netloc:
        raise wrong
    if parts.scheme == "http" and not is_loopback(host):
        raise Misconfigured(
            f"--url (FERRY_URL): over plain http anybody between here and {host} could read the token. Use "
            "https; http is allowed only to this machine, such as http://localhost:8000 through a tunnel."
        )
    return url.rstrip("/")


def _token() -> str:
    """Return the user's token. Raises Misconfigured."""
    token = os.environ.get("FERRY_TOKEN", "").strip()
    if not re.fullmatch(r"[!-~]+", token):
        raise Misconfigured(f"FERRY_TOKEN is not set, or is not a token. Set it to {WHOSE}")
    return token
