"""The operations on queues and connections, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from console.api.openapi_forms import FLAG, QUEUE
from console.api.openapi_parts import OF_BODY, OF_QUEUE, closed, limit, operation, part, query
from console.api.requests import IDS
from console.pages.act_hold import LONGEST
from intake.openapi.schemas import Schema, ref

_CONNECTION: Final = part("connection", "Its name.", "default")
SCHEMAS: Final[Schema] = {
    "HoldAsked": closed(
        {
            "reason": {
                "type": "string",
                "minLength": 1,
                "maxLength": LONGEST,
                "pattern": r"\S",
                "description": "Why; shown to everybody.",
            }
        },
        "reason",
    ),
    "ReleaseAsked": closed({"force": FLAG | {"description": "Even when the cause is still there."}}),
    "FlushAsked": closed({"queues": {"type": "array", "items": QUEUE, "minItems": 1, "maxItems": IDS}}),
}
_HOLD: Final = ref("HoldAsked")
_RELEASE: Final = ref("ReleaseAsked")
_AT_QUEUE: Final = "/v1/queues/{connection}/{kind}/{target}"
_AT_CONNECTION: Final = "/v1/connections/{connection}"
#: (path, method) -> operation, without what openapi.py says of every one.
OPERATIONS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("/v1/queues", "GET"): operation(
        "queues", "Every queue, and what runs", "At most a second old. As `ferry status --json`.", "Census", "400"
    ),
    (_AT_QUEUE, "GET"): operation(
        "queue",
        "One queue",
        "With its open batches, and the batches that were settled last, newest first.",
        "QueueAnswer",
        "400",
        "404",
        parameters=[
            *OF_QUEUE,
            query("limit", "How many uploads.", limit(20)),
            query("before", "The next of an answer: those before.", {"type": "string"}),
        ],
    ),
    (f"{_AT_QUEUE}/flush", "POST"): operation(
        "flush_queue",
        "Send what waits in a queue now",
        "Whatever its size and age, once nothing holds it.",
        "Flushed",
        "404",
        *OF_BODY,
        parameters=OF_QUEUE,
    ),
    ("/v1/flush", "POST"): operation(
        "flush",
        "Send what waits in many queues now",
        "In those that are named; without any, in all.",
        "Flushed",
        "404",
        body=ref("FlushAsked"),
    ),
    (f"{_AT_QUEUE}/hold", "POST"): operation(
        "hold_queue",
        "Stop sending from a queue",
        "Until it is released; what comes waits.",
        "Placed",
        "404",
        parameters=OF_QUEUE,
        body=_HOLD,
        needed=True,
    ),
    (f"{_AT_QUEUE}/release", "POST"): operation(
        "release_queue",
        "Let a queue go on",
        "Looks first whether the cause of its hold is gone, which may take Klaviyo some seconds.",
        "Released",
        "404",
        "409",
        parameters=OF_QUEUE,
        body=_RELEASE,
    ),
    ("/v1/holds", "GET"): operation("holds", "What is held", "Why, and what ends it.", "Holds", "400"),
    ("/v1/connections", "GET"): operation(
        "connections",
        "The connections",
        "Whose key each has, how it is flushed, whether it is held.",
        "Connections",
        "400",
        parameters=[
            query("check", "Try every key with Klaviyo, which may take a minute; needs the role operator.", FLAG)
        ],
    ),
    (f"{_AT_CONNECTION}/hold", "POST"): operation(
        "hold_connection",
        "Stop sending over a connection",
        "All its queues, until it is released; what comes waits.",
        "Placed",
        "404",
        parameters=[_CONNECTION],
        body=_HOLD,
        needed=True,
    ),
    (f"{_AT_CONNECTION}/release", "POST"): operation(
        "release_connection",
        "Let a connection go on",
        "Looks first whether the cause of its hold is gone, which may take Klaviyo some seconds.",
        "Released",
        "404",
        "409",
        parameters=[_CONNECTION],
        body=_RELEASE,
    ),
}
