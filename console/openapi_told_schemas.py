"""The schemas of holds, connections, dead letters and the audit, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from console.openapi_forms import COUNT, COUNTS, FLAG, MAYBE, NEXT, QUEUE, TEXT, TIME, array, every
from intake.openapi_schemas import Schema, obj, ref

_LETTER: Final[dict[str, Any]] = {
    "id": TEXT,
    "queue": QUEUE,
    "audience": MAYBE,
    "reason": TEXT,
    "where": {"type": "object", "description": "Places and ids: pointer, field, job, error_id, crashes."},
    "died_at": TIME,
    "accepted_at": TIME,
    "first_tried_at": TIME,
    "attempts": COUNT,
    "action": TEXT,
    "changed_at": TIME | {"description": "By the sender's clock."},
    "source": TEXT,
}
_LETTER_MORE: Final[dict[str, Any]] = {
    "message": TEXT | {"description": "The sender's id of the message."},
    "snapshot": {"type": "object"},
    "erasure": every({"profiles": array(every({"id": TEXT, "found_by": TEXT})), "answer_due": TEXT})
    | {"description": "Of one that needs a look: profiles of which somebody has to say whose they are."},
    "detail": {"type": "object", "description": "All that was said of the fault; with personal_data."},
    "person": {"description": "As the CDP sent them; with personal_data."},
}
_A_HOLD: Final = every(
    {
        "held": TEXT | {"description": "The connection, or the queue."},
        "kind": {"type": "string", "enum": ["connection", "queue"]},
        "audience": MAYBE,
        "reason": TEXT,
        "since": TIME,
        "resolve": TEXT,
        "ends_by_itself": FLAG,
        "error_id": TEXT,
        "probes": COUNT | {"description": "Which found the cause still there."},
    }
)
_CONNECTION: Final = every(
    {
        "name": TEXT,
        "account": {
            "oneOf": [every({"id": MAYBE, "name": MAYBE, "test": {"type": ["boolean", "null"]}}), {"type": "null"}],
            "description": "With check.",
        },
        "key": {
            "oneOf": [{"type": "string", "enum": ["CDP", "environment", "kept"]}, {"type": "null"}],
            "description": "Who has it.",
        },
        "learnt": {
            "oneOf": [
                every(
                    {
                        "fingerprint": TEXT,
                        "since": MAYBE,
                        "sender": MAYBE,
                        "before": MAYBE,
                        "named_by_settings": FLAG,
                    }
                ),
                {"type": "null"},
            ],
            "description": "Of a key that a message brought: fingerprints of it and of the one before.",
        },
        "scopes": {
            "type": ["object", "null"],
            "additionalProperties": {"type": ["boolean", "null"]},
            "description": "With check.",
        },
        "trouble": MAYBE | {"description": "What is wrong with the key, with the remedy."},
        "policy": {
            "oneOf": [every({"size": COUNT, "minutes": {"type": "number"}, "upload_max": COUNT}), {"type": "null"}]
        },
        "audiences": array(every({"id": TEXT, "name": MAYBE, "list_id": MAYBE})),
        "held": MAYBE | {"description": "Why."},
    }
)
_ENTRY: Final = every(
    {
        "id": TEXT,
        "at": TIME,
        "who": TEXT | {"example": "api:ann"},
        "what": TEXT,
        "on": TEXT,
        "outcome": TEXT,
        "counts": COUNTS,
    }
)
SCHEMAS: Final[Schema] = {
    "Holds": every({"at": TIME, "holds": array(_A_HOLD)}),
    "Connections": every({"connections": array(_CONNECTION)}),
    "Letter": obj(_LETTER | _LETTER_MORE, *_LETTER),
    "Letters": every({"letters": array(ref("Letter")), "next": NEXT}),
    "Replayed": every(
        {
            "replayed": COUNT,
            "stayed": COUNT | {"description": "Of persons in an open batch; try again when it is settled."},
        }
    ),
    "Audit": every({"entries": array(_ENTRY), "next": NEXT}),
}
