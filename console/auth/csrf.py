"""Whether what somebody is about to do was asked for by a page of Ferry, or by a program, and not by another page."""

from __future__ import annotations

import hmac
from typing import Final

import falcon
import falcon.asgi
from falcon.constants import MEDIA_URLENCODED

from console.auth import roles
from console.auth.roles import NOBODY

#: Bytes of a form or of a request to the API.
BODY: Final = 64 * 1024


async def check(req: falcon.asgi.Request) -> None:
    """Refuse with 403 what another page made a browser send, and with 411 or 413 a body that is not read."""
    _check_size(req)
    await _check_origin(req)


def _check_size(req: falcon.asgi.Request) -> None:
    length = req.content_length
    if length is None and req.get_header("Transfer-Encoding"):
        raise falcon.HTTPLengthRequired(title="How long is it?", description="Send it with the header Content-Length.")
    if (length or 0) > BODY:
        raise falcon.HTTPContentTooLarge(title="Too large", description=f"No request here has over {BODY:,} bytes.")


async def _check_origin(req: falcon.asgi.Request) -> None:
    """Refuse what another page made a browser send. With a bearer token no browser sends anything by itself."""
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
        title="This did not come from a page of Ferry",
        description="Nothing was done. If you pressed a button here, sign in again and repeat it; a program sends a "
        "bearer token, or the session's token in the header X-CSRF-Token.",
    )
