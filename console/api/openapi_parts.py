"""What the operations of the operator's API are made of, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from console.api.requests import MOST
from intake.openapi.schemas import Schema, answer, obj, ref
from ops.dead_letters.selecting import ID

_ALWAYS: Final = ("401", "403", "429", "500", "503")
#: What comes of a body that cannot be taken.
OF_BODY: Final = ("400", "411", "413", "415")
AN_ID: Final = "1767225599999-0"
LETTER_ID: Final[Schema] = {"type": "string", "pattern": f"^{ID}$", "example": AN_ID}


def limit(default: int) -> Schema:
    """How many, in one answer."""
    return {"type": "integer", "minimum": 1, "maximum": MOST, "default": default}


def query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    """A parameter behind the `?`."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


def part(name: str, description: str, example: str) -> dict[str, Any]:
    """A part of the path."""
    schema = {"type": "string", "minLength": 1}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


OF_QUEUE: Final = [
    part("connection", "The connection that the queue belongs to.", "default"),
    part("kind", "audience, snapshot, profile, event, consent or erasure.", "audience"),
    part("target", "The CDP's id of the audience, percent-encoded: a / in it is %2F.", "42"),
]


def operation(
    name: str,
    summary: str,
    told: str,
    form: str,
    *errors: str,
    parameters: Any = (),
    body: Schema | None = None,
    needed: bool = False,
) -> dict[str, Any]:
    """One operation. `form`: the schema of the answer. `errors`: those it may have besides what every operation may.

    `body`: the schema of what it takes, which may be left out unless it is `needed`.
    """
    statuses = sorted({*_ALWAYS, *errors, *(OF_BODY if body is not None else ())})
    made: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "description": told,
        "responses": {
            "200": answer("Done.", ref(form)),
            **{status: {"$ref": f"#/components/responses/Operator{status}"} for status in statuses},
        },
    }
    if parameters:
        made["parameters"] = list(parameters)
    if body is not None:
        made["requestBody"] = {"required": needed, "content": {"application/json": {"schema": body}}}
    return made


def closed(properties: Schema, *required: str, **more: Any) -> Schema:
    """An object that has none but these, and what `more` says of it."""
    return obj(properties, *required) | {"additionalProperties": False} | more
