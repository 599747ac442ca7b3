"""The operations on dead letters and the audit, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from console.api.openapi_forms import FLAG, QUEUE
from console.api.openapi_parts import (
    AN_ID,
    LETTER_ID,
    OF_QUEUE,
    closed,
    limit,
    operation,
    part,
    query,
)
from console.api.requests import IDS, LATEST
from intake.openapi.schemas import Schema, ref
from ops.dead_letters.selecting import AGE, ID

_REASON: Final[Schema] = {"type": "string", "description": "Died of this, such as no_email."}
_OLDER: Final[Schema] = {
    "type": "string",
    "pattern": f"^{AGE}$",
    "description": "Died at least so long ago: 30m, 12h, 7d.",
    "example": "7d",
}
_PERSONAL: Final = query(
    "personal_data", "The persons too; this needs the role admin, and is noted in the audit.", FLAG
)
SCHEMAS: Final[Schema] = {
    "ReplayLetters": closed(
        {
            "ids": {"type": "array", "items": LETTER_ID, "minItems": 1, "maxItems": IDS},
            "queue": QUEUE | {"description": "Theirs, where several queues have one."},
        },
        "ids",
    ),
    "ReplayFiltered": closed({"queue": QUEUE, "reason": _REASON, "older_than": _OLDER}, minProperties=1),
    "ReplayAll": closed({"all": {"type": "boolean", "enum": [True]}}, "all"),
}
#: (path, method) -> operation, without what openapi.py says of every one.
OPERATIONS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("/v1/dead", "GET"): operation(
        "letters",
        "Dead letters",
        "In the order of their queues, oldest first in each, without anything of the persons.",
        "Letters",
        "400",
        "404",
        parameters=[
            query("queue", "Only of this queue.", QUEUE),
            query("reason", "Only these.", _REASON),
            query("older_than", "Only these.", _OLDER),
            query("since", "Died then or later; ms since 1970.", {"type": "integer", "minimum": 0, "maximum": LATEST}),
            query("id", "Only this one, whatever the other filters but queue say.", LETTER_ID),
            query("limit", "How many.", limit(100)),
            query(
                "after",
                "The next of an answer: those behind it.",
                {"type": "string", "pattern": f"^[^/]+/[^/]+/[^/]+/{ID}$", "example": f"default/audience/42/{AN_ID}"},
            ),
            _PERSONAL,
        ],
    ),
    ("/v1/dead/{connection}/{kind}/{target}/{letter}", "GET"): operation(
        "letter",
        "One dead letter",
        "What was to be done, when, why it could not be, and the sender's id of the message.",
        "Letter",
        "400",
        "404",
        parameters=[*OF_QUEUE, part("letter", "Its id.", AN_ID) | {"schema": LETTER_ID}, _PERSONAL],
    ),
    ("/v1/dead/{connection}/{kind}/{target}/{letter}/confirm", "POST"): operation(
        "confirm",
        "Carry out an erasure that needs a look",
        "The profiles that the letter names under `erasure` are the person's, and Klaviyo deletes them. It needs "
        "the role admin.",
        "Replayed",
        "400",
        "404",
        "409",
        parameters=[*OF_QUEUE, part("letter", "Its id.", AN_ID) | {"schema": LETTER_ID}],
        body=closed({}),
    ),
    ("/v1/dead/replay", "POST"): operation(
        "replay",
        "Send dead letters again",
        "They are put back into their queues, in front of what was accepted later.",
        "Replayed",
        "404",
        body={"oneOf": [ref(name) for name in SCHEMAS]},
        needed=True,
    ),
    ("/v1/audit", "GET"): operation(
        "audit",
        "Who did what",
        "Newest first, without anything of the persons it was about.",
        "Audit",
        "400",
        parameters=[
            query("limit", "How many.", limit(100)),
            query("before", "The next of an answer: those before it.", LETTER_ID),
        ],
    ),
}
