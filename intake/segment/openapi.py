"""Segment's messages and Ferry's answer to them, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, get_args

from intake.http import limits
from intake.openapi.schemas import CONNECTION, Schema, answer, errors, obj, ref, text
from intake.segment.messages import Type

_ID: Final[Schema] = {"type": ["string", "integer", "null"]}
_TIME: Final[Schema] = {
    "type": ["string", "number", "null"],
    "description": "When it happened: ISO 8601, or seconds or ms since 1970; now when left out.",
}
_OBJECT: Final[Schema] = {"type": ["object", "null"]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}

SCHEMAS: Final[Schema] = {
    "SegmentMessage": obj(
        {
            "type": {"type": "string", "enum": list(get_args(Type))},
            "messageId": {
                "oneOf": [{"type": "string", "maxLength": limits.MESSAGE_ID}, {"type": "integer"}, {"type": "null"}],
                "description": "The sender's id of the message; one seen in the last 24 hours is stored once.",
            },
            "userId": _ID,
            "anonymousId": _ID,
            "event": text("What was done, of a track message."),
            "traits": _OBJECT,
            "properties": _OBJECT,
            "context": _OBJECT,
            "integrations": _OBJECT,
            "timestamp": _TIME,
        },
        "type",
        description="A message of the Segment spec. The actions of the connection say what becomes of it; they read "
        "any field. One that cannot be read becomes a dead letter and never fails the batch.",
    ),
    "SegmentBatch": obj(
        {
            "batch": {"type": "array", "items": ref("SegmentMessage"), "maxItems": limits.CHANGES},
            "context": _OBJECT | {"description": "Holds for all messages; what a message has itself lies over it."},
            "integrations": _OBJECT | {"description": "As context."},
        },
        "batch",
    ),
    "SegmentAnswer": obj(
        {
            "success": {"type": "boolean", "const": True},
            "accepted": _COUNT | {"description": "Messages that wait for delivery, or were accepted before."},
            "unmapped": _COUNT | {"description": "Messages that no action is for; nothing of them is stored."},
            "dead": _COUNT | {"description": "Messages of which something is kept as a dead letter."},
        },
        "success",
        "accepted",
        "unmapped",
        "dead",
    ),
}


def operation(schemes: Iterable[str]) -> dict[str, Any]:
    """`POST /v1/segment`. `schemes`: the names of the ways to show that one may send."""
    return {
        "operationId": "segment",
        "summary": "Messages of the Segment spec",
        "description": f"One message, or a batch of up to {limits.CHANGES:,}.",
        "security": [{name: []} for name in schemes],
        "parameters": [CONNECTION],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [ref("SegmentMessage"), ref("SegmentBatch")]}}},
        },
        "responses": {
            "200": answer("Stored.", ref("SegmentAnswer")),
            **errors("400", "401", "403", "404", "408", "413", "415", "429", "500", "503"),
        },
    }
