"""The OpenAPI document of the intake."""

from __future__ import annotations

from typing import Any, Final

from intake import limits
from intake.auth import unauthorized
from intake.errors import RETRY_AFTER
from intake.openapi_mparticle import REQUESTS, RESPONSES
from intake.openapi_schemas import SCHEMAS, ref

_MB: Final = limits.BODY // 1024**2
_DESCRIPTION: Final = (
    "Takes audience membership changes and keeps them in a durable queue until Klaviyo has them. "
    "202 means that the changes are stored and will be delivered, or kept as dead letters with the reason. "
    f"A body has at most {_MB} MB, gzip allowed, and must come within {limits.REQUEST_SECONDS:.0f} s. "
    "A name that a message, its account or a change has twice is refused; within a person the last one counts. "
    "Repeat a request after 408, 500 or 503; what was accepted of it is recognised by the message's id or the "
    "Idempotency-Key."
)
_ERRORS: Final = {
    "400": "The request cannot be read; the description names the place.",
    "401": "No valid token.",
    "404": "There is no such connection.",
    "408": "The request came too slowly.",
    "413": "The body, or the number of changes in it, is too large.",
    "415": "The compression is not known; use gzip or none.",
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
            "/v1/changes": {"post": _changes()},
            "/healthz": {"get": _open("health", "Whether the process is up", _answer("It is up.", {"type": "object"}))},
            "/readyz": {"get": _readiness()},
            "/openapi.json": {"get": _open("openapi", "This document", _answer("OpenAPI 3.1.", {"type": "object"}))},
            "/docs": {"get": _open("docs", "This document as a page", _page())},
        },
        "components": {
            "schemas": REQUESTS | RESPONSES | SCHEMAS,
            "responses": _error_responses(),
            "securitySchemes": _schemes(),
        },
    }


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _page() -> dict[str, Any]:
    return {"description": "HTML.", "content": {"text/html": {"schema": {"type": "string"}}}}


def _open(operation: str, summary: str, answer: dict[str, Any]) -> dict[str, Any]:
    return {"operationId": operation, "summary": summary, "security": [], "responses": {"200": answer}}


def _errors(*statuses: str) -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/E{status}"} for status in statuses}


def _error_responses() -> dict[str, Any]:
    responses = {f"E{status}": _answer(text, ref("Error")) for status, text in _ERRORS.items()}
    seconds = {"schema": {"type": "integer"}, "description": f"Seconds, such as {RETRY_AFTER}."}
    responses["E503"]["headers"] = {"Retry-After": seconds}
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
            "200": _answer("Answered.", {"oneOf": answers}),
            "202": _answer("The changes are stored.", ref("MembershipResponse")),
            **_errors("400", "401", "408", "413", "415", "500", "503"),
        },
    }


def _changes() -> dict[str, Any]:
    lines = {
        "type": "string",
        "description": "One change on a line, each with its audience or for the one of ?audience.",
    }
    return {
        "operationId": "changes",
        "summary": "Changes in Ferry's own form",
        "description": f"Up to {limits.CHANGES:,}. One that cannot be read becomes a dead letter; the rest goes on.",
        "parameters": [
            _query("connection", "The connection that the changes are for; default when left out."),
            _query("audience", "The audience of changes that name none.", minLength=1, maxLength=limits.AUDIENCE_ID),
            _query("name", "That audience's name.", maxLength=limits.AUDIENCE_NAME),
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A request with a key seen in the last 24 hours is answered and not stored again.",
                "schema": {"type": "string", "maxLength": limits.MESSAGE_ID},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": ref("Changes")},
                "application/x-ndjson": {"schema": lines},
            },
        },
        "responses": {
            "202": _answer("Stored.", ref("ChangesAnswer")),
            **_errors("400", "401", "404", "408", "413", "415", "500", "503"),
        },
    }


def _query(name: str, description: str, **schema: int) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string", **schema}}


def _readiness() -> dict[str, Any]:
    answer = _answer("Changes are taken and sent on.", ref("Readiness"))
    operation = _open("readiness", "Whether changes are taken and sent on", answer)
    operation["responses"]["503"] = _answer("A check failed; its remedy says what to do.", ref("Readiness"))
    return operation
