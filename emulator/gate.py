"""Checks every API call first: size, content type, key, revision, scopes and rate limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from falcon.asgi import Request, Response

from emulator import auth, revision
from emulator.control import PREFIX
from emulator.errors import ApiError, Problem, too_large
from emulator.jsonapi import MEDIA_TYPE
from emulator.operations import Calls
from emulator.world import World

MAX_BODY_BYTES = 5_000_000
MAX_TARGET_BYTES = 8_192
CONTENT_TYPES = (MEDIA_TYPE, "application/json")


class Gate:
    """Falcon middleware; raises `ApiError` for a refused call."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def process_request(self, req: Request, resp: Response) -> None:
        """Check what does not depend on the operation."""
        if req.path.startswith(PREFIX):
            return
        _check_sizes(req)
        req.context.key = self._world.keys.identify(req.get_header("Authorization"))
        opt_out = req.get_header("X-Klaviyo-Revision-Fall-Forward-Opt-Out") == "1"
        revision.check(req.get_header("revision"), opt_out, datetime.fromtimestamp(self._world.now(), UTC).date())
        _check_content_type(req)

    async def process_resource(self, req: Request, resp: Response, resource: object, params: dict[str, Any]) -> None:
        """Check limits and scopes; a call without the scope also counts towards the limits."""
        operation = resource.operations.get(req.method) if isinstance(resource, Calls) else None
        if operation is None:
            return
        key = req.context.key
        limits = self._world.limits
        resp.set_headers(limits.take(key.quota_group, operation.name, operation.quota, self._world.now()))
        auth.require(key, operation.scopes)


def _check_sizes(req: Request) -> None:
    if len(req.context.body) > MAX_BODY_BYTES:
        raise too_large(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    if len(req.relative_uri) > MAX_TARGET_BYTES:
        problem = Problem("uri_too_long", "URI too long.", f"More than {MAX_TARGET_BYTES} characters.", "/data/")
        raise ApiError(414, problem)


def _check_content_type(req: Request) -> None:
    if not req.context.body:
        return
    media_type = (req.content_type or "").partition(";")[0].strip().lower()
    if media_type not in CONTENT_TYPES:
        detail = f"Unsupported media type; send {MEDIA_TYPE}."
        raise ApiError(415, Problem("unsupported_media_type", "Unsupported media type.", detail, "/data/"))
