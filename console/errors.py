"""Errors of the console: a page for browsers, the intake's JSON form for programs."""

from __future__ import annotations

import logging
from typing import Any

import falcon
import falcon.asgi
from redis.exceptions import RedisError

from console import render
from console.auth.middleware import wants_page
from intake.http import errors

log = logging.getLogger(__name__)


def install(app: falcon.asgi.App[Any, Any]) -> None:
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
