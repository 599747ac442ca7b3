"""`/openapi.json` and `/docs`: the operations of the intake and the console in one document."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from console.api.openapi_operations import OPERATIONS
from console.api.openapi_requests import BODIES
from console.auth.roles import ROUTES
from intake.openapi.document import document as intake_document
from intake.openapi.schemas import answers, failures
from ops.documents.answers import ANSWERS

_DESCRIPTION: Final = (
    " The operator's part does the same as the `ferry` command and the pages: it shows pending changes, holds and dead "
    "letters, and acts on them. It takes a user's token (`ferry users add`). The roles are viewer, operator and admin; "
    "each includes the ones before it. `ferry --url` uses this API."
)
_ERRORS: Final = {
    "400": "The request is not valid; the description names the place.",
    "401": "The user's token is missing or not valid.",
    "403": "The user's role does not permit this.",
    "404": "The queue, connection, query or dead letter does not exist.",
    "409": "The cause of the hold is still there, there is nothing to confirm, or another run has not ended.",
    "411": "The body's length is missing.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "429": "Several requests from this address are waiting already, because wrong tokens came from it.",
    "500": "A defect in Ferry.",
    "503": "Redis cannot be used; the request may or may not have been carried out.",
}
_USER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "For operators: a user's token, as `ferry users add` prints it, or FERRY_ADMIN_TOKEN.",
}


@cache
def document() -> dict[str, Any]:
    """Return the intake's document with the operations of the console, OpenAPI 3.1."""
    intake = intake_document()
    parts = intake["components"]
    return intake | {
        "info": intake["info"] | {"description": intake["info"]["description"] + _DESCRIPTION},
        "paths": intake["paths"] | _paths(),
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
        common = {"description": f"{operation.get('description', '')} {role}".strip(), "security": [{"user": []}]}
        paths.setdefault(path, {})[method.lower()] = operation | common
    return paths
