"""Check that an action was requested by a page of Ferry or by a program, and not by another site."""

from __future__ import annotations

import hmac
from typing import Final

import falcon
import falcon.asgi
from falcon.constants import MEDIA_URLENCODED

from console.auth import roles
from console.auth.roles import NOBODY

#: Most bytes in a form or in a request to the API.
BODY: Final = 64 * 1024


async def check(req: falcon.asgi.Request) -> None:
    """Refuse a request that another site made a browser send (403), and a body of no or too large length (411, 413)."""
    _check_size(req)
    await _check_origin(req)


def _check_size(req: falcon.asgi.Request) -> None:
    length = req.content_length
    if length is None and req.get_header("Transfer-Encoding"):
        raise falcon.HTTPLengthRequired(
            title="The body's length is missing", description="Send the header Content-Length."
        )
    if (length or 0) > BODY:
        raise falcon.HTTPContentTooLarge(title="The body is too large", description=f"The limit is {BODY:,} bytes.")


async def _check_origin(req: falcon.asgi.Request) -> None:
    """Refuse what another site made a browser send. A browser never adds a bearer token on its own."""
    visitor = roles.visitor(req)
    if visitor.via == "api":
        return
    if (req.get_header("Sec-Fetch-Site") or "none") not in ("same-origin", "none"):
        raise _foreign()
    if visitor is NOBODY:
        return
    shown = req.get_header("X-CSRF-Token") or ""
    if not shown and (req.content_type or "").startswith(MEDIA_URLENCODED):
        shown = str((await req.get_media(default_when_empty={})).get("csrf", ""))
    if not hmac.compare_digest(shown.encode("utf-8", "replace"), visitor.csrf.encode()):
        raise _foreign()


def _foreign() -> falcon.HTTPForbidden:
    return falcon.HTTPForbidden(
        title="This request did not come from a page of Ferry",
        description="Nothing was done. If you pressed a button here, sign in again and repeat it. Programs send a "
        "bearer token, or the session's token in the header X-CSRF-Token.",
    )
