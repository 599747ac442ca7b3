"""Pages go over the wire compressed: two hundred queues are looked at again every two seconds, by phones too."""

from __future__ import annotations

import gzip
import re
from typing import Final

import falcon.asgi

#: Characters from which it pays.
_FROM: Final = 2_000
#: The fastest: a page of 300 kB becomes one of 12 kB within a millisecond; the best takes as long again, for 1 kB less.
_LEVEL: Final = 1
_REFUSED: Final = re.compile(r"q=0(\.0*)?")


class Compressing:
    """Middleware: compresses what is rendered, where the client takes it.

    A page holds a secret, its session's token, beside what an address may say (BREACH, CVE-2013-3587). No other page
    can have a browser ask for it with the session, whose cookie is SameSite=Strict.
    """

    async def process_response(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Put the compressed text into its place."""
        if resp.text is None or len(resp.text) < _FROM:
            return
        resp.append_header("Vary", "Accept-Encoding")
        if takes_gzip(req.get_header("Accept-Encoding") or ""):
            resp.data, resp.text = gzip.compress(resp.text.encode(), _LEVEL, mtime=0), None
            resp.set_header("Content-Encoding", "gzip")


def takes_gzip(accepted: str) -> bool:
    """Whether the header Accept-Encoding names it, and does not refuse it by a weight of 0 (RFC 9110, 12.5.3). Pure."""
    named = (each.replace(" ", "").lower().partition(";") for each in accepted.split(","))
    return any(name == "gzip" and not _REFUSED.fullmatch(weight) for name, _, weight in named)
