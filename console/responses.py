"""What every answer of the console gets: security headers, compression, and a page or JSON for an error.

Pages are compressed, because an overview of 200 queues is refreshed every two seconds, also on phones.
"""

from __future__ import annotations

import gzip
import logging
import re
from typing import Any, Final

import falcon
import falcon.asgi
from redis.exceptions import RedisError

from console import render
from console.auth.middleware import wants_page
from console.auth.transport import way_of
from intake.http import errors

log = logging.getLogger(__name__)
_ALWAYS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
#: One year, in seconds.
_HSTS: Final = "max-age=31536000"


class Headers:
    """Middleware: sets the security headers, and `no-store`, unless the answer has its own value."""

    async def process_response(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Set the headers."""
        headers: dict[str, Any] = {name: value for name, value in _ALWAYS.items() if not resp.get_header(name)}
        if not resp.get_header("Cache-Control"):
            headers["Cache-Control"] = "no-store"
        if way_of(req) == "https":
            headers["Strict-Transport-Security"] = _HSTS
        resp.set_headers(headers)


#: Minimum length in characters; compressing less is not worth it.
_FROM: Final = 2_000
#: The fastest level turns a page of 300 kB into 12 kB within a millisecond; the best takes twice as long to save 1 kB.
_LEVEL: Final = 1
_REFUSED: Final = re.compile(r"q=0(\.0*)?")


class Compressing:
    """Middleware: compresses rendered pages where the client accepts it.

    A page contains a secret (its session's token) beside text from the address (BREACH, CVE-2013-3587). No other site
    can make a browser request it with the session, whose cookie is SameSite=Strict.
    """

    async def process_response(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Replace the text with its compressed form."""
        if resp.text is None or len(resp.text) < _FROM:
            return
        resp.append_header("Vary", "Accept-Encoding")
        if takes_gzip(req.get_header("Accept-Encoding") or ""):
            resp.data, resp.text = gzip.compress(resp.text.encode(), _LEVEL, mtime=0), None
            resp.set_header("Content-Encoding", "gzip")


def takes_gzip(accepted: str) -> bool:
    """Return whether Accept-Encoding names gzip without a weight of 0 (RFC 9110, 12.5.3). Pure."""
    named = (each.replace(" ", "").lower().partition(";") for each in accepted.split(","))
    return any(name == "gzip" and not _REFUSED.fullmatch(weight) for name, _, weight in named)


def install_errors(app: falcon.asgi.App[Any, Any]) -> None:
    """Install the error handlers on an app."""
    app.set_error_serializer(_serialize)
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(RedisError, _redis)


def _serialize(req: falcon.asgi.Request, resp: falcon.asgi.Response, error: falcon.HTTPError) -> None:
    if not wants_page(req):
        errors.serialize(req, resp, error)
        return
    title, description = errors.words(error)
    render.page(req, resp, "error.html", title=title, description=description)


async def _redis(
    _req: falcon.asgi.Request, _resp: falcon.asgi.Response, fault: Exception, _params: dict[str, Any]
) -> None:
    log.warning("a request to the console failed: Redis cannot be used (%s); answered 503", type(fault).__name__)
    raise falcon.HTTPServiceUnavailable(
        title="Redis cannot be used",
        description="The request may or may not have been carried out. /readyz and `ferry doctor` show the cause; "
        "try again in a moment.",
        retry_after=errors.RETRY_AFTER,
    )


async def _unexpected(
    _req: falcon.asgi.Request, _resp: falcon.asgi.Response, fault: Exception, _params: dict[str, Any]
) -> None:
    log.error("a defect in Ferry, %s at %s; answered 500; please report it", type(fault).__name__, errors.where(fault))
    raise falcon.HTTPInternalServerError(
        title="A defect in Ferry", description="The log of the web process shows the place. Please report it."
    )
