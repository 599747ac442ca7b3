"""What to say where a Ferry elsewhere is not reached, or does not answer as it should."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
import requests

from ops.errors import Failed

WHOSE: Final = (
    "the token of a user of the Ferry at --url, as `ferry users add NAME --role operator` prints it there; a sender's "
    "token of FERRY_TOKENS is none."
)
_PERHAPS: Final = "What was asked for may have been done: see `ferry audit`"


class ConflictError(Failed):
    """Something is against it, as a hold's cause that is still there; the message says what, and the remedy."""


@contextmanager
def understood(url: str) -> Iterator[None]:
    """Raise Failed where an answer is read in the block that has another shape than Ferry's."""
    try:
        yield
    except ValueError as fault:
        raise Failed(
            f"{url} answers as this version of Ferry does not understand ({type(fault).__name__}). "
            "Is it a Ferry, and of the same version? `ferry --version` and /openapi.json there say which."
        ) from fault


def refused(url: str, answer: requests.Response, told: dict[str, Any] | None) -> click.ClickException:
    """What to say of an answer that is not the one that was asked for; `told`: its JSON."""
    error = (told or {}).get("error")
    if not isinstance(error, dict):
        return Failed(_of_a_proxy(url, answer) if answer.status_code >= 500 else _no_ferry(url, answer))
    title, description = str(error.get("title")), str(error.get("description"))
    match answer.status_code:
        case 400:
            return click.UsageError(description)
        case 401:
            # What the console does not have is the intake's to refuse, which asks for a sender's token.
            is_known = "ferry console" in answer.headers.get("WWW-Authenticate", "")
            unknown = f"{url} does not know the token in FERRY_TOKEN. It takes {WHOSE}"
            return Failed(unknown if is_known else _no_ferry(url, answer))
        case 404:
            return Failed(description)
        case 409:
            return ConflictError(description)
    return Failed(f"{url} answered {answer.status_code}. {title}: {description}")


def unreachable(url: str, fault: requests.RequestException) -> Failed:
    """What to say where there is no answer."""
    match fault:
        case requests.exceptions.SSLError():
            why = "its certificate is not to be trusted. One of your own authority: name it in REQUESTS_CA_BUNDLE"
        case requests.exceptions.ReadTimeout():
            why = f"it did not answer in time. {_PERHAPS}"
        case requests.exceptions.ProxyError():
            why = "the proxy in HTTPS_PROXY does not let it through; NO_PROXY goes around it"
        case _:
            why = "nothing answers there, or it broke off. Is the address right, and does `ferry web` run?"
    return Failed(f"Ferry at {url} cannot be reached: {why} ({type(fault).__name__})")


def _no_ferry(url: str, answer: requests.Response) -> str:
    media = answer.headers.get("Content-Type", "nothing")
    to = f", and leads to {answer.headers['Location']}" if answer.is_redirect else ""
    return (
        f"{url} is no Ferry: it answered {answer.status_code} with {media}{to}. Give --url the address under "
        "which /readyz is answered by `ferry web`, without a path behind it."
    )


def _of_a_proxy(url: str, answer: requests.Response) -> str:
    return (
        f"{url} answered {answer.status_code}, and not as Ferry does: something in front of it did. `ferry web` does "
        f"not run there, or took longer than that waits. {_PERHAPS}."
    )
