"""Makes all error answers alike: `{"error": {"title": ..., "description": ...}, "code": ..., "message": ...}`.

The remedy is in the description.

Repeated refusals are counted and logged periodically instead of for every request.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Final

import falcon
import falcon.asgi
import msgspec
from msgspec import Meta, Struct

from intake.http.faults import TooMuch
from queues.errors import NoSecretKey, Unavailable

log = logging.getLogger(__name__)

#: Seconds after which a sender may repeat a request that Redis could not take.
RETRY_AFTER: Final = 5
#: Seconds between two log lines about the same refusal.
EVERY: Final = 10.0
_DEFAULTS: Final = {
    400: "The request is not valid HTTP.",
    404: "There is nothing at this address; /docs lists the addresses.",
    405: "This address does not accept this method; the header Allow names the accepted ones.",
}


class Fault(Struct, frozen=True):
    """An error in words."""

    title: str
    description: Annotated[str, Meta(description="The problem, its place and the remedy.")]


class ErrorAnswer(Struct, frozen=True):
    """The answer to a refused request. Libraries of Segment and RudderStack read `code` and `message`."""

    error: Fault
    code: Annotated[str, Meta(description="The status in words, such as too_many_requests.")]
    message: Annotated[str, Meta(description="Title and description in one text.")]


def error_body(status: str, title: str, description: str) -> bytes:
    """Return an error answer in JSON, with a line end. `status`: such as `404 Not Found`."""
    code = status.partition(" ")[2].lower().replace(" ", "_")
    message = f"{title}. {description}" if description else title
    return msgspec.json.encode(ErrorAnswer(Fault(title, description), code, message)) + b"\n"


def serialize(_req: falcon.asgi.Request, resp: falcon.asgi.Response, error: falcon.HTTPError) -> None:
    """Write an error into the answer."""
    resp.content_type = "application/json;charset=utf-8"
    resp.data = error_body(str(error.status), *words(error))


def words(error: falcon.HTTPError) -> tuple[str, str]:
    """Return title and description of an error; Falcon's own errors have the status as title and no description."""
    title = error.title if error.title != error.status else str(error.status).partition(" ")[2]
    return title or "", error.description or _DEFAULTS.get(error.status_code, "")


def where(fault: Exception) -> str:
    """Return the last places of a traceback, without its lines and the error's message, which may hold posted data."""
    frames = traceback.extract_tb(fault.__traceback__)
    return " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames[-3:]))


def install(app: falcon.asgi.App[Any, Any]) -> None:
    """Make an app answer all errors in this form."""
    refusals = _Refusals()
    app.set_error_serializer(serialize)
    app.add_error_handler(Unavailable, refusals.unavailable)
    app.add_error_handler(NoSecretKey, refusals.no_secret_key)
    app.add_error_handler(TooMuch, _too_much)
    app.add_error_handler(Exception, _unexpected)


class _Refusals:
    """Answers requests that cannot be accepted at the moment, and counts them: there may be thousands a second."""

    def __init__(self) -> None:
        self._outage = RepeatedEvents(EVERY)
        self._no_secret_key = RepeatedEvents(EVERY)

    async def unavailable(
        self, _req: falcon.asgi.Request, _resp: falcon.asgi.Response, fault: Exception, _params: dict[str, Any]
    ) -> None:
        if counted := self._outage.count(type(fault.__cause__ or fault).__name__):
            log.warning("requests were not accepted (%s since the last line); answered 503, senders repeat", counted)
        raise falcon.HTTPServiceUnavailable(title="Not accepted", description=str(fault), retry_after=RETRY_AFTER)

    async def no_secret_key(
        self, _req: falcon.asgi.Request, _resp: falcon.asgi.Response, fault: Exception, _params: dict[str, Any]
    ) -> None:
        if counted := self._no_secret_key.count("messages"):
            log.error("refused %s with an API key; answered 503, senders repeat. %s", counted, fault)
        raise falcon.HTTPServiceUnavailable(
            title="The API key cannot be kept", description=f"{fault} Nothing was accepted.", retry_after=RETRY_AFTER
        )


async def _too_much(
    _req: falcon.asgi.Request, _resp: falcon.asgi.Response, fault: Exception, _params: dict[str, Any]
) -> None:
    raise falcon.HTTPContentTooLarge(
        title="The message exceeds a limit",
        description=str(fault),
    )


async def _unexpected(
    _req: falcon.asgi.Request, _resp: falcon.asgi.Response, fault: Exception, _params: dict[str, Any]
) -> None:
    log.error(
        "a defect in Ferry, %s at %s; answered 500, the sender repeats. Please report it",
        type(fault).__name__,
        where(fault),
    )
    raise falcon.HTTPInternalServerError(
        title="A defect in Ferry",
        description="The request may not have been accepted; repeat it later. The log says where the defect is.",
    )


class RepeatedEvents:
    """Counts events by kind, and reports the counts at once, then at most every `every` seconds."""

    def __init__(self, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._next = float("-inf")

    def count(self, kind: str) -> str:
        """Count one more of this kind; return such as "3 of this, 1 of that" when a report is due, else empty."""
        self._counts[kind] += 1
        now = self._clock()
        if now < self._next:
            return ""
        self._next = now + self._every
        counted = ", ".join(f"{number} {name}" for name, number in sorted(self._counts.items()))
        self._counts.clear()
        return counted
