"""Lets scripts of web pages post to the tracking API, from the origins that a sender allows (Fetch standard: CORS)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import falcon
import falcon.asgi

from configuration.senders import Sender

#: Seconds for which a browser need not ask again; browsers keep it for two hours at most.
_MAX_AGE: Final = "7200"
#: Headers of an answer that scripts may read: when to repeat, and the id to look for in the log.
_EXPOSED: Final = "Retry-After, X-Request-ID"


class Origins:
    """The origins that any sender allows.

    A browser asks before it posts, without the write key, and it shows a script the answer only if that names the
    script's origin. So these headers cannot depend on the sender; `Scopes.check_origin` refuses what it does not allow.
    Errors have them too, because RudderStack's library repeats only what it can read.
    """

    def __init__(self, senders: Iterable[Sender]) -> None:
        self._known = frozenset(origin for sender in senders for origin in sender.allowed_origins)

    def answer(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> bool:
        """Name the origin in the answer; return True when the browser only asked whether it may post."""
        origin = req.get_header("Origin") or ""
        if origin in self._known:
            resp.set_header("Access-Control-Allow-Origin", origin)
            resp.set_header("Access-Control-Expose-Headers", _EXPOSED)
            resp.set_header("Vary", "Origin")
        if req.method != "OPTIONS":
            return False
        if origin in self._known:
            _allow_post(req, resp)
        resp.status = falcon.HTTP_204
        resp.set_header("Allow", "OPTIONS, POST")
        resp.complete = True
        return True


def _allow_post(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
    """Allow a POST with all headers that the browser asks for: libraries add new ones, and Ferry ignores them."""
    resp.set_header("Access-Control-Allow-Methods", "POST")
    resp.set_header("Access-Control-Max-Age", _MAX_AGE)
    asked = req.get_header("Access-Control-Request-Headers")
    if asked and asked.isascii():
        resp.set_header("Access-Control-Allow-Headers", asked)
