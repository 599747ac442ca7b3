"""Requests to the API of a Ferry elsewhere, and what is wrong where one is not answered as it should be."""

from __future__ import annotations

import os
import re
from typing import Any, Final
from urllib.parse import urlsplit

import click
import requests
from requests.auth import AuthBase

from console.transport import is_loopback
from klaviyo.http import user_agent
from ops.errors import Failed, Misconfigured

#: Seconds to connect, and to wait for an answer: some ask Klaviyo first, which may be slow.
_TIMEOUT_S: Final = (5.0, 120.0)

_WHOSE: Final = (
    "the token of a user of the Ferry at --url, as `ferry users add NAME --role operator` prints it there; a sender's "
    "token of FERRY_TOKENS is none."
)


class Conflict(Failed):
    """Something is against it, as a hold's cause that is still there; the message says what, and the remedy."""


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
        self._session.auth = _TokenAuth(_token())
        self._session.headers.update({"Accept": "application/json", "User-Agent": user_agent()})

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """What is answered. Raises Failed, click.UsageError."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Any) -> dict[str, Any]:
        """What is answered. Raises Failed, click.UsageError."""
        return self._call("POST", path, json=body)

    def _call(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        try:
            url = self.url + path
            answer = self._session.request(method, url, timeout=_TIMEOUT_S, allow_redirects=False, **sent)
        except requests.RequestException as fault:
            raise Failed(self._unreachable(fault)) from fault
        told = _object(answer)
        if answer.status_code == 200 and told is not None:
            return told
        raise self._refused(answer, told)

    def _refused(self, answer: requests.Response, told: dict[str, Any] | None) -> click.ClickException:
        """What to say of an answer that is not the one that was asked for."""
        error = (told or {}).get("error")
        if not isinstance(error, dict):
            return Failed(self._no_ferry(answer))
        title, description = str(error.get("title")), str(error.get("description"))
        match answer.status_code:
            case 400:
                return click.UsageError(description)
            case 401:
                return Failed(f"{self.url} does not know the token in FERRY_TOKEN. It takes {_WHOSE}")
            case 404:
                return Failed(description)
            case 409:
                return Conflict(description)
        return Failed(f"{self.url} answered {answer.status_code}. {title}: {description}")

    def _no_ferry(self, answer: requests.Response) -> str:
        media = answer.headers.get("Content-Type", "nothing")
        to = f", and leads to {answer.headers['Location']}" if answer.is_redirect else ""
        return (
            f"{self.url} is no Ferry: it answered {answer.status_code} with {media}{to}. Give --url the address under "
            "which /readyz is answered by `ferry web`, without a path behind it."
        )

    def _unreachable(self, fault: requests.RequestException) -> str:
        match fault:
            case requests.exceptions.SSLError():
                why = "its certificate is not to be trusted. One of your own authority: name it in REQUESTS_CA_BUNDLE"
            case requests.exceptions.ReadTimeout():
                why = "it did not answer in time. What was asked for may have been done: see `ferry audit`"
            case requests.exceptions.ProxyError():
                why = "the proxy in HTTPS_PROXY or HTTP_PROXY does not let it through; NO_PROXY goes around it"
            case _:
                why = "nothing answers there, or it broke off. Is the address right, and does `ferry web` run?"
        return f"Ferry at {self.url} cannot be reached: {why} ({type(fault).__name__})"


def _object(answer: requests.Response) -> dict[str, Any] | None:
    """The JSON object that an answer has; None where it has none."""
    try:
        told = answer.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _checked(url: str) -> str:
    """The URL without a closing slash. Raises Misconfigured."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise Misconfigured("--url (FERRY_URL): not an address of Ferry. Example: https://ferry.example.com")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Misconfigured(
            f"--url (FERRY_URL): over plain http anybody between here and {parts.hostname} could read the token. Use "
            "https; http goes to this machine alone, such as http://localhost:8000 through a tunnel."
        )
    return url.rstrip("/")


def _token() -> str:
    """The user's token. Raises Misconfigured."""
    token = os.environ.get("FERRY_TOKEN", "").strip()
    if not re.fullmatch(r"[!-~]+", token):
        raise Misconfigured(f"FERRY_TOKEN is not set, or is no token. Set it to {_WHOSE}")
    return token
