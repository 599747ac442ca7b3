"""The OpenAPI document of the intake."""

from __future__ import annotations

from typing import Any, Final

from intake.access.auth import unauthorized
from intake.campaigns import openapi
from intake.changes import openapi as openapi_changes
from intake.http import limits
from intake.http.errors import RETRY_AFTER
from intake.mparticle.openapi import REQUESTS, RESPONSES
from intake.openapi.schemas import SCHEMAS, answer, errors, ref
from intake.segment import auth
from intake.segment import openapi as openapi_segment
from intake.snapshots import openapi as openapi_schemas
from intake.snapshots import openapi as openapi_snapshots
from queues.snapshots.orders import PIECE

_MB: Final = limits.BODY // 1024**2
_DESCRIPTION: Final = (
    "Takes changes of audiences, profiles and consents, and events, and keeps them in durable queues until Klaviyo "
    "has them. 202, and 200 to Segment's messages, means that they are stored and will be delivered, or kept as dead "
    "letters with the reason. "
    f"A body has at most {_MB} MB, gzip allowed, and must come within {limits.REQUEST_SECONDS:.0f} s; but the members "
    f"of an audience may be of any size, while {PIECE:,} bytes come within each {limits.REQUEST_SECONDS:.0f} s. "
    "A name that a message, its account or a change has twice is refused; within a person the last one counts. "
    "Repeat a request after 408, 429, 500 or 503; what was accepted of it is recognised by the message's id or the "
    "Idempotency-Key."
)
_ERRORS: Final = {
    "400": "The request cannot be read; the description names the place.",
    "401": "No valid token or signature.",
    "403": "The sender of the token may not: the description names the route, connection or account that it lacks.",
    "404": "There is no such connection, or no such snapshot.",
    "408": "The request came too slowly.",
    "413": "The body, or the number of changes or messages in it, is too large.",
    "415": "The compression is not known (use gzip or none), or the format.",
    "429": "The sender's rate is used up; nothing was accepted.",
    "500": "A defect in Ferry; it may not have been accepted.",
    "503": "Redis is unreachable or full, or too much came at once; nothing was accepted.",
}


def document() -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ferry", "version": "1.0.0", "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"bearer": []}],
        "paths": {
            "/v1/mparticle": {"post": _mparticle()},
            "/v1/segment": {"post": openapi_segment.operation(_schemes())},
            "/v1/changes": {"post": openapi_changes.operation()},
            **openapi_snapshots.PATHS,
            "/v1/campaigns": {"post": openapi.OPERATION},
            "/healthz": {"get": _open("health", "Whether the process is up", answer("It is up.", {"type": "object"}))},
            "/readyz": {"get": _readiness()},
            "/openapi.json": {"get": _open("openapi", "This document", answer("OpenAPI 3.1.", {"type": "object"}))},
            "/docs": {"get": _open("docs", "This document as a page", _page())},
        },
        "components": {
            "schemas": REQUESTS
            | RESPONSES
            | openapi_segment.SCHEMAS
            | openapi_schemas.SCHEMAS
            | openapi.SCHEMAS
            | SCHEMAS,
            "responses": _error_responses(),
            "securitySchemes": _schemes(),
        },
    }


def _page() -> dict[str, Any]:
    return {"description": "HTML.", "content": {"text/html": {"schema": {"type": "string"}}}}


def _open(operation: str, summary: str, response: dict[str, Any]) -> dict[str, Any]:
    return {"operationId": operation, "summary": summary, "security": [], "responses": {"200": response}}


def _error_responses() -> dict[str, Any]:
    responses = {f"E{status}": answer(text, ref("Error")) for status, text in _ERRORS.items()}
    seconds = {"schema": {"type": "integer"}, "description": f"Seconds, such as {RETRY_AFTER}."}
    for status in ("E429", "E503"):
        responses[status]["headers"] = {"Retry-After": seconds}
    return responses


def _schemes() -> dict[str, Any]:
    return {
        "token": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": str(unauthorized().description),
        },
        "bearer": {"type": "http", "scheme": "bearer"},
        "writeKey": {"type": "http", "scheme": "basic"},
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": auth.SIGNATURE,
            "description": f"For /v1/segment: {auth.unauthorized().description}",
        },
    }


def _mparticle() -> dict[str, Any]:
    kinds = ("Registration", "Subscription", "Membership", "Events", "Erasure")
    answers = [ref(f"{kind}Response") for kind in kinds if kind != "Membership"]
    return {
        "operationId": "mparticle",
        "summary": "One message of mParticle's Firehose",
        "description": "Answers by the message's type. The registration request alone needs no token.",
        "security": [{"token": []}, {"bearer": []}, {}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [ref(f"{kind}Request") for kind in kinds]}}},
        },
        "responses": {
            "200": answer("Answered.", {"oneOf": answers}),
            "202": answer("The changes are stored.", ref("MembershipResponse")),
            **errors("400", "401", "403", "408", "413", "415", "429", "500", "503"),
        },
    }


def _readiness() -> dict[str, Any]:
    ready = answer("Changes are taken and sent on.", ref("Readiness"))
    operation = _open("readiness", "Whether changes are taken and sent on", ready)
    operation["responses"]["503"] = answer("A check failed; its remedy says what to do.", ref("Readiness"))
    return operation
