"""Messages for a remote Ferry that cannot be reached or does not answer as expected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
import requests

from ops.errors import Failed

WHOSE: Final = (
    "the token of a user of the Ferry at --url, as `ferry users add NAME --role operator` prints it there. A sender's "
    "token from FERRY_TOKENS does not work."
)
_PERHAPS: Final = "The command may have taken effect: see `ferry audit`"


class ConflictError(Failed):
    """A conflict prevents it, such as a hold whose cause remains; the message names it and the remedy."""


@contextmanager
def understood(url: str) -> Iterator[None]:
    """Raise Failed when the block reads an answer that is not in Ferry's format."""
    try:
        yield
    except ValueError as fault:
        raise Failed(
            f"{url} gave an answer that this version of Ferry does not understand ({type(fault).__name__}). "
            "Check that it is Ferry, of the same version: compare `ferry --version` with /openapi.json there."
        ) from fault


def refused(url: str, answer: requests.Response, content: dict[str, Any] | None) -> click.ClickException:
    """Return the error for a refused request; `content`: the answer's JSON."""
    error = (content or {}).get("error")
    if not isinstance(error, dict):
        return Failed(_of_a_proxy(url, answer) if answer.status_code >= 500 else _no_ferry(url, answer))
    title, description = str(error.get("title")), str(error.get("description"))
    match answer.status_code:
        case 400:
            return click.UsageError(description)
        case 401:
            # An intake without a console asks for a sender's token.
            is_known = "ferry console" in answer.headers.get("WWW-Authenticate", "")
            unknown = f"{url} does not know the token in FERRY_TOKEN. Use {WHOSE}"
            return Failed(unknown if is_known else _no_ferry(url, answer))
        case 404:
            # The address itself is unknown, or what it names.
            return Failed(_no_ferry(url, answer) if title == "Not Found" else description)
        case 409:
            return ConflictError(description)
    return Failed(f"{url} answered {answer.status_code}. {title}: {description}")


def unreachable(url: str, fault: requests.RequestException) -> Failed:
    """Return the error for a request without an answer."""
    match fault:
        case requests.exceptions.SSLError():
            why = "its certificate is not trusted. If your own authority signed it, set REQUESTS_CA_BUNDLE"
        case requests.exceptions.ReadTimeout():
            why = f"it did not answer in time. {_PERHAPS}"
        case requests.exceptions.ProxyError():
            why = "the proxy in HTTPS_PROXY does not let it through; exempt the host with NO_PROXY"
        case _:
            why = "it does not answer, or the connection broke. Check the address, and that `ferry web` runs there"
    return Failed(f"Ferry at {url} cannot be reached: {why} ({type(fault).__name__})")


def _no_ferry(url: str, answer: requests.Response) -> str:
    media = answer.headers.get("Content-Type", "nothing")
    to = f", and redirects to {answer.headers['Location']}" if answer.is_redirect else ""
    return (
        f"{url} is not Ferry: it answered {answer.status_code} with {media}{to}. Set --url to the address of "
        "`ferry web`, where /readyz answers, without a path."
    )


def _of_a_proxy(url: str, answer: requests.Response) -> str:
    return (
        f"{url} answered {answer.status_code}, from a proxy in front of Ferry. `ferry web` does not run there, or took "
        f"longer than the proxy waits. {_PERHAPS}."
    )
