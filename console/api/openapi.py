"""`/openapi.json` and `/docs`: what the intake and the console take, in one document."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from console.api.openapi_operations import OPERATIONS
from console.api.requests import BODIES
from console.auth.roles import ROUTES
from intake.openapi.document import document as intake_document
from intake.openapi.schemas import answers, failures
from ops.documents.answers import ANSWERS

_DESCRIPTION: Final = (
    " For operators there is the same as the `ferry` command and the pages have: what waits, what is held and what is "
    "dead, and what may be done about it. It takes the token of a user (`ferry users add`), whose role is viewer, "
    "operator or admin, each of which may do what the ones before it may. `ferry --url` is made of it."
)
_ERRORS: Final = {
    "400": "It cannot be asked like this; the description names the place.",
    "401": "No token of a user.",
    "403": "The user's role may not.",
    "404": "There is no such queue, connection or dead letter.",
    "409": "The cause of the hold is still there, or there is nothing to confirm; the description says more.",
    "411": "The body's length is missing.",
    "413": "The body is too large.",
    "415": "The body is no JSON.",
    "429": "Several tries of this address wait already, because wrong tokens came from it.",
    "500": "A defect in Ferry.",
    "503": "Redis cannot be used; what was asked for may or may not have been done.",
}
_USER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "For operators: the token of a user, as `ferry users add` prints it, or FERRY_ADMIN_TOKEN.",
}


@cache
def document() -> dict[str, Any]:
    """The intake's document and the operations of the console, OpenAPI 3.1."""
    told = intake_document()
    parts = told["components"]
    return told | {
        "info": told["info"] | {"description": told["info"]["description"] + _DESCRIPTION},
        "paths": told["paths"] | _paths(),
        "components": {
            "schemas": parts["schemas"] | BODIES | answers(**ANSWERS),
            "responses": parts["responses"] | failures("Operator", _ERRORS),
            "securitySchemes": parts["securitySchemes"] | {"user": _USER},
        },
    }


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for (path, method), operation in OPERATIONS.items():
        role = f"Role: {ROUTES[path, method]}."
        told = {"description": f"{operation.get('description', '')} {role}".strip(), "security": [{"user": []}]}
        paths.setdefault(path, {})[method.lower()] = operation | told
    return paths
