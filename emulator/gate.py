"""Admits calls: checks key, revision, limits, scopes, sizes, content type, parameters and body, in this order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from falcon.asgi import Request, Response

from emulator import auth, contract, phones, query
from emulator.contract import Operation
from emulator.errors import ApiError, Problem, invalid, too_large
from emulator.faults import Fault
from emulator.jsonapi import MEDIA_TYPE, Call, document_of
from emulator.limits import Quota
from emulator.rules import About
from emulator.world import World

MAX_BODY_BYTES = 5_000_000
MAX_TARGET_BYTES = 8_192
CONTENT_TYPES = (MEDIA_TYPE, "application/json")


def admit(world: World, req: Request, resp: Response, name: str, subject: str) -> Call:
    """Return the call, such as `GET /api/lists`; raises `ApiError` for a refused one.

    From the limits on, every answer but 429 has the RateLimit headers; a call without the scope counts as well.
    """
    key = world.keys.identify(req.get_header("Authorization"))
    opt_out = req.get_header("X-Klaviyo-Revision-Fall-Forward-Opt-Out") == "1"
    today = datetime.fromtimestamp(world.now(), UTC).date()
    served = contract.serving(req.get_header("revision"), opt_out, today)
    operation = served.operations[name]
    counter, quota = _limit(operation, req)
    resp.set_headers(world.limits.take(key.quota_group, counter, quota, world.now()))
    fault: Fault | None = req.context.fault
    if fault and (refusal := fault.refusal()):
        raise refusal
    auth.require(key, operation.scopes)
    _check_sizes(req)
    _check_content_type(req)
    asked = query.read(operation, req.params)
    data = _checked(operation, world, req, resp)
    return Call(world, req, resp, asked, subject, data, key.account, served.hints)


def _limit(operation: Operation, req: Request) -> tuple[str, Quota]:
    """Return the name of the counter and its quota; some parameters slow a call down, in Klaviyo's text by singular."""
    for parameter, value, quota in operation.slower:
        named = (req.get_param(parameter) or "").split(",")
        if value in named or f"{value}s" in named:
            return f"{operation.name} {parameter}={value}", quota
    return operation.name, operation.quota


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


def _checked(operation: Operation, world: World, req: Request, resp: Response) -> Any:
    """Return `data` of the body, from which rules may have left out invalid phone numbers; all or nothing is taken."""
    if operation.body is None:
        return None
    document = document_of(req.context.body)
    about = About(world.now(), world.sms_regions, world.lists.by_id)
    problems = [invalid(problem, place) for place, problem in operation.body(document, about)]
    if problems:
        raise ApiError(400, *problems)
    if about.partial:
        resp.set_header(*phones.PARTIAL_FAILURE)
    return document["data"]
