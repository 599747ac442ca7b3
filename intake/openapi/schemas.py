"""The schemas of the OpenAPI document that are Ferry's own.

What the operations of the OpenAPI document are made of.
"""

from __future__ import annotations

from typing import Any, Final

from intake.http import limits

Schema = dict[str, Any]

LARGEST: Final = 2**63 - 1


def ref(name: str) -> Schema:
    """A reference to a schema of this document."""
    return {"$ref": f"#/components/schemas/{name}"}


def obj(properties: Schema, *required: str, description: str = "") -> Schema:
    """An object and the names of what it must have."""
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    if description:
        schema["description"] = description
    return schema


def text(description: str, most: int | None = None) -> Schema:
    """Text or null, of at most so many characters."""
    schema: Schema = {"type": ["string", "null"], "description": description}
    return schema if most is None else schema | {"maxLength": most}


AUDIENCE_ID: Final[Schema] = {
    "oneOf": [
        {"type": "integer", "minimum": 0, "maximum": LARGEST},
        {"type": "string", "minLength": 1, "maxLength": limits.AUDIENCE_ID},
    ],
    "description": "The CDP's id of the audience. It never changes; the name may.",
}
_AUDIENCE: Final = obj(
    {"id": AUDIENCE_ID, "name": text("What its Klaviyo list is called.", limits.AUDIENCE_NAME)}, "id"
)
#: Said of every time of a change.
CLAMPED: Final = "In the future or before 2015: counts as the time of arrival."
TEXT_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_CHANGE: Final = obj(
    {
        "action": {"type": "string", "enum": ["add", "remove", "update"], "description": "update: attributes only."},
        "email": text(""),
        "phone": {"type": ["string", "integer", "null"]},
        "external_id": {"type": ["string", "integer", "null"]},
        "attributes": {"type": ["object", "null"], "description": "A value of null removes the attribute."},
        "consent_state": {"type": ["object", "null"]},
        "timestamp": {
            "oneOf": [TEXT_TIME, {"type": "number"}, {"type": "null"}],
            "description": f"When it happened: ISO 8601, or ms since 1970 (also as text); now when left out. {CLAMPED}",
        },
        "audience": {"oneOf": [ref("Audience"), {"type": "null"}], "description": "Else that of the request."},
    },
    "action",
    description="Needs at least one of email, phone and external_id.",
)
_REJECTED: Final = obj(
    {
        "index": {"type": "integer", "description": "Of the change in the request, from 0."},
        "reason": {"type": "string", "enum": ["malformed", "no_identity", "identifier_blocked"]},
        "where": {"type": "string", "description": "Place and problem."},
    },
    "index",
    "reason",
    "where",
)
_CHECK: Final = obj(
    {
        "name": {"type": "string"},
        "ok": {"type": "boolean"},
        "detail": {"type": "string"},
        "remedy": {"type": "string", "description": "What to do; empty when there is nothing to do."},
    },
    "name",
    "ok",
    "detail",
    "remedy",
)
SCHEMAS: Final[Schema] = {
    "Audience": _AUDIENCE,
    "Change": _CHANGE,
    "Changes": obj(
        {
            "audience": {"oneOf": [ref("Audience"), {"type": "null"}]},
            "changes": {"type": "array", "items": ref("Change"), "maxItems": limits.CHANGES},
        },
        "changes",
    ),
    "ChangesAnswer": obj(
        {
            "accepted": {"type": "integer", "description": "Changes that wait for delivery."},
            "rejected": {"type": "array", "items": _REJECTED, "description": "Changes kept as dead letters."},
            "repeated": {"type": "boolean", "description": "Seen before under this Idempotency-Key; not stored again."},
        },
        "accepted",
        "rejected",
        "repeated",
    ),
    "Readiness": obj({"ready": {"type": "boolean"}, "checks": {"type": "array", "items": _CHECK}}, "ready", "checks"),
    "Error": obj(
        {
            "error": obj(
                {
                    "title": {"type": "string"},
                    "description": {"type": "string", "description": "What, where, and the remedy."},
                },
                "title",
                "description",
            )
        },
        "error",
    ),
}


def answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """An answer in JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def errors(*statuses: str) -> dict[str, Any]:
    """References to the answers that are errors, by their status."""
    return {status: {"$ref": f"#/components/responses/E{status}"} for status in statuses}


def query(name: str, description: str, **schema: int) -> dict[str, Any]:
    """A parameter of the address. `schema`: what a schema of text may say besides."""
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string", **schema}}


#: Of `/v1/segment` and `/v1/changes`.
CONNECTION: Final = query("connection", "The connection that it is for; default when left out.")
