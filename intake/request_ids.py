"""Gives every request an id: the one its sender or a router gave it, else a new one."""

from __future__ import annotations

import secrets
from typing import Final

import falcon.asgi

import log_ids

HEADER: Final = "X-Request-ID"
_LONGEST: Final = 64


class RequestIds:
    """Middleware, before any other, so that a request that is refused has its id, too.

    The id is in every line logged for the request and in the answer. One that might name a person is not taken.
    """

    async def process_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Take the id of the header, or make one."""
        given = req.get_header(HEADER) or ""
        request = given if len(given) <= _LONGEST and log_ids.is_opaque(given) else secrets.token_hex(8)
        # To the end of the request's task, errors included: uvicorn starts one for each request.
        log_ids.bind(request=request)
        resp.set_header(HEADER, request)


def of_request() -> str:
    """The id of the request under way; empty outside of one, such as in `ferry preview`."""
    return log_ids.current().get("request", "")
