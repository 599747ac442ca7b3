"""Requests to the API of a Ferry elsewhere, whose answers are decoded by the structs that encoded them there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
from requests.auth import AuthBase

from klaviyo.http import user_agent
from ops.client.refusals import WHOSE, refused, unreachable
from ops.errors import Misconfigured
from text.hosts import is_loopback

T = TypeVar("T")

#: Seconds to connect, and to wait for an answer: some ask Klaviyo first, which may be slow.
_TIMEOUT_S: Final = (5.0, 120.0)
#: Names in one request, and their bytes: it may have 64 KB.
_NAMES: Final = 500
_BYTES: Final = 48_000


class _TokenAuth(AuthBase):
    """Sets the token. As a plain header it would lose to an entry for the host in a `.netrc`."""

    def __init__(self, token: str) -> None:
        self._value = f"Bearer {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


class Calls:
    """One for a command. `url`: where Ferry is."""

    def __init__(self, url: str) -> None:
        """Raises Misconfigured for a URL or a FERRY_TOKEN that must not be used."""
        self.url = _checked(url)
        self._session = requests.Session()
        # Plain http does not leave this machine, and so goes to no proxy either, which could read the token.
        self._session.trust_env = self.url.lower().startswith("https:")
        self._session.auth = _TokenAuth(_token())
        self._session.headers.update({"Accept": "application/json", "User-Agent": user_agent()})

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def get(self, answer: type[T], path: str, **query: Any) -> T:
        """What is answered. Raises Failed, click.UsageError, and msgspec.ValidationError for another answer."""
        return msgspec.convert(self._call("GET", path, params=query), answer)

    def post(self, answer: type[T], path: str, body: Any) -> T:
        """What is answered. Raises as `get` does."""
        return msgspec.convert(self._call("POST", path, json=body), answer)

    def _call(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        try:
            url = self.url + path
            answer = self._session.request(method, url, timeout=_TIMEOUT_S, allow_redirects=False, **sent)
        except requests.RequestException as fault:
            raise unreachable(self.url, fault) from fault
        told = _object(answer)
        if answer.status_code == 200 and told is not None:
            return told
        raise refused(self.url, answer, told)


def portions(names: Iterable[str]) -> Iterator[list[str]]:
    """The names of queues, in as few lists as requests can hold."""
    part: list[str] = []
    for name in names:
        if part and (len(part) == _NAMES or sum(map(len, part)) + len(name) > _BYTES):
            yield part
            part = []
        part.append(name)
    if part:
        yield part


def _object(answer: requests.Response) -> dict[str, Any] | None:
    """The JSON object that an answer has; None where it has none."""
    try:
        told = answer.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _checked(url: str) -> str:
    """The URL without a closing slash. Raises Misconfigured."""
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
            "https; http goes to this machine alone, such as http://localhost:8000 through a tunnel."
        )
    return url.rstrip("/")


def _token() -> str:
    """The user's token. Raises Misconfigured."""
    token = os.environ.get("FERRY_TOKEN", "").strip()
    if not re.fullmatch(r"[!-~]+", token):
        raise Misconfigured(f"FERRY_TOKEN is not set, or is no token. Set it to {WHOSE}")
    return token
