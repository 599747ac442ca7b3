"""Klaviyo's error responses: JSON:API error objects, and the exception that carries them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

RATE_LIMIT_PAGE = "https://developers.klaviyo.com/en/docs/rate_limits_and_error_handling"


class Problem(msgspec.Struct, frozen=True):
    """One entry of `errors`; `pointer` names a place in the body, `parameter` a query parameter."""

    code: str
    title: str
    detail: str
    pointer: str = "/data"
    parameter: str | None = None
    links: Mapping[str, str] = {}
    meta: Mapping[str, str] = {}


class ApiError(Exception):
    """Klaviyo refuses this call; `status`, `problems` and `headers` make up the response."""

    def __init__(self, status: int, *problems: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} with {len(problems)} problems")
        self.status = status
        self.problems = problems
        self.headers = headers or {}


def invalid(detail: str, pointer: str = "/data") -> Problem:
    """Return a problem with the body."""
    return Problem("invalid", "Invalid input.", detail, pointer)


def misshapen(pointer: str = "/data") -> Problem:
    """Return the problem for a part of the body with the wrong shape."""
    return invalid("The payload provided in the request is invalid.", pointer)


def bad_request(detail: str, pointer: str = "/data") -> ApiError:
    """Return a 400 for one place in the body."""
    return ApiError(400, invalid(detail, pointer))


def bad_payload(pointer: str = "/data") -> ApiError:
    """Return a 400 for a body with the wrong shape."""
    return ApiError(400, misshapen(pointer))


def bad_parameter(parameter: str, detail: str) -> ApiError:
    """Return a 400 for one query parameter."""
    return ApiError(400, Problem("invalid", "Invalid input.", detail, parameter=parameter))


def too_large(detail: str) -> ApiError:
    """Return a 413; Klaviyo documents the limits but not the response, so this is HTTP's status for it."""
    return ApiError(413, Problem("payload_too_large", "Payload too large.", detail))


def not_authenticated() -> ApiError:
    """Return a 401 for a missing header or another scheme."""
    title = "Authentication credentials were not provided."
    detail = "Missing or invalid authorization scheme/private key."
    return ApiError(401, Problem("not_authenticated", title, detail, "/data/"))


def authentication_failed() -> ApiError:
    """Return a 401 for a key that is unknown or revoked."""
    text = "Incorrect authentication credentials."
    return ApiError(401, Problem("authentication_failed", text, text, "/data/"))


def permission_denied(detail: str) -> ApiError:
    """Return a 403 for a key without the scope of the call."""
    title = "You do not have permission to perform this action."
    return ApiError(403, Problem("permission_denied", title, detail, "/data/"))


def not_found(detail: str) -> ApiError:
    """Return a 404 for a resource or an operation."""
    return ApiError(404, Problem("not_found", "Not found.", detail, "/data/"))


def duplicate_profile(owner_id: str) -> ApiError:
    """Return a 409 naming the profile that already has one of the identifiers."""
    detail = "A profile already exists with one of these identifiers."
    meta = {"duplicate_profile_id": owner_id}
    return ApiError(409, Problem("duplicate_profile", "Conflict.", detail, "/data/attributes", meta=meta))


def throttled(seconds: int, retry_after: str | None = None) -> ApiError:
    """Return a 429 with the header `Retry-After`, but without the RateLimit headers."""
    unit = "second" if seconds == 1 else "seconds"
    detail = f"Request was throttled. Expected available in {seconds} {unit}."
    problem = Problem("throttled", "Request was throttled.", detail, links={"type": RATE_LIMIT_PAGE})
    return ApiError(429, problem, headers={"Retry-After": retry_after or str(seconds)})


def server_error() -> ApiError:
    """Return a 500 in Klaviyo's wording."""
    text = "A server error occurred."
    return ApiError(500, Problem("error", text, text, "/data/"))


def encode(error: ApiError) -> bytes:
    """Return the body of the response."""
    return orjson.dumps({"errors": [_entry(error.status, problem) for problem in error.problems]})


def _entry(status: int, problem: Problem) -> dict[str, Any]:
    source = {"parameter": problem.parameter} if problem.parameter else {"pointer": problem.pointer}
    return {
        "id": str(uuid.uuid4()),
        "status": status,
        "code": problem.code,
        "title": problem.title,
        "detail": problem.detail,
        "source": source,
        "links": problem.links,
        "meta": problem.meta,
    }
