"""The parameters and bodies of the operator's API for the OpenAPI document, from the schemas that read them. Pure."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields, validate

from console.api import requests
from intake.openapi.schemas import Schema as JsonSchema
from intake.openapi.schemas import parameter

_TYPES: Final = {fields.Integer: "integer", fields.List: "array", requests.Flag: "boolean", requests.Word: "boolean"}
#: Type -> the names of its least and its most.
_LIMITS: Final = {
    "integer": ("minimum", "maximum"),
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
}


def parameters(schema: Schema) -> list[JsonSchema]:
    """Return the parameters of a query."""
    described = {name: _described(field) for name, field in schema.fields.items()}
    return [parameter(name, found.pop("description"), **found) for name, found in described.items()]


def _described(field: fields.Field[Any]) -> JsonSchema:
    """Return the JSON schema of a field: its type, its limits, and its metadata."""
    found: JsonSchema = {"type": _TYPES.get(type(field), "string")}
    for rule in field.validators:
        if isinstance(rule, validate.Range | validate.Length):
            found |= dict(zip(_LIMITS[found["type"]], (rule.min, rule.max), strict=True))
        if isinstance(rule, validate.OneOf):
            found["enum"] = [*rule.choices]
    if isinstance(field, fields.List):
        found["items"] = _described(field.inner)
    return {**found, **field.metadata}


def _body(schema: Schema, *names: str, **more: Any) -> JsonSchema:
    """Return the schema of a body. `names`: of its fields, if not of all. `more`: to add."""
    chosen = {name: field for name, field in schema.fields.items() if name in names or not names}
    properties = {name: _described(field) for name, field in chosen.items()}
    made = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    required = [name for name, field in chosen.items() if field.required]
    return made | ({"required": required} if required else {})


#: Name -> the schema of a body. JSON Schema cannot say which fields of a replay exclude each other, so it has three.
BODIES: Final = {
    "HoldAsked": _body(requests.HOLD),
    "ReleaseAsked": _body(requests.RELEASE),
    "RunAsked": _body(requests.RUN),
    "FlushAsked": _body(requests.FLUSH),
    "ReplayLetters": _body(requests.REPLAY, "ids", "queue", required=["ids"]),
    "ReplayFiltered": _body(requests.REPLAY, "queue", "reason", "older_than", minProperties=1),
    "ReplayAll": _body(requests.REPLAY, "all", required=["all"]),
    "Nothing": _body(requests.NOTHING),
}
