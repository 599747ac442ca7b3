"""The schemas of queues and of what is done to them, for the OpenAPI document.

The schemas of holds, connections, dead letters and the audit, for the OpenAPI document.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from console.api.openapi_forms import (
    COUNT,
    COUNTS,
    FLAG,
    HELD,
    MAYBE,
    MAYBE_TIME,
    NEXT,
    QUEUE,
    TEXT,
    TIME,
    array,
    every,
)
from intake.openapi.schemas import Schema, obj, ref
from queues.policy import Reason

_REASON: Final[Schema] = {"type": "string", "enum": list(get_args(Reason))}
_HOLD: Final = every(
    {
        "reason": TEXT | {"description": "A code, or what a person wrote, without addresses and phone numbers."},
        "since": TIME,
        "resolve": TEXT | {"description": "What to do about it."},
        "error_id": TEXT | {"description": "Klaviyo's, for its support; empty for none."},
        "probed": FLAG | {"description": "Ferry looks by itself whether the cause is gone."},
    }
)
_BATCH: Final = every(
    {
        "batch": TEXT,
        "changes": COUNT,
        "stage": TEXT,
        "taken_by": TEXT,
        "taken_at": TIME,
        "attempts": COUNT,
        "trouble": TEXT | {"description": "Why it is tried again, such as http_503; empty where the last step worked."},
        "with_a_worker": FLAG,
        "next_ring_at": TIME | {"description": "When a worker is rung for it, or its lease ends."},
    }
)
_UPLOAD: Final = every(
    {
        "batch": TEXT,
        "taken_by": _REASON,
        "taken_at": TIME,
        "settled_at": TIME,
        "attempts": COUNT,
        "changes": COUNT,
        "delivered": COUNT,
        "imported": COUNT,
        "superseded": COUNT,
        "dead": COUNTS | {"description": "By reason."},
        "warnings": COUNTS | {"description": "People by what was left out, or not found."},
        "jobs": array(every({"id": TEXT, "people": COUNT, "failed": COUNT}, "One of Klaviyo's import jobs.")),
    }
)
_ONE_QUEUE: Final = every(
    {
        "queue": QUEUE,
        "kind": TEXT,
        "audience": MAYBE | {"description": "Its name."},
        "list_id": MAYBE | {"description": "Klaviyo's."},
        "pending": COUNT,
        "asked": COUNT | {"description": "Of those that wait, how many must go whatever the size and age."},
        "flush_size": COUNT,
        "flush_minutes": {"type": "number"},
        "oldest_at": MAYBE_TIME,
        "due_by": {"oneOf": [_REASON, {"type": "null"}], "description": "null: nothing waits."},
        "due_at": MAYBE_TIME | {"description": "The year 1970: at once."},
        "last_upload_at": MAYBE_TIME,
        "accepted": COUNT | {"description": "= pending + open + delivered + imported + dead + superseded."},
        "taken": COUNT | {"description": "Into batches, ever."},
        "open": COUNT,
        "delivered": COUNT,
        "imported": COUNT | {"description": "By Klaviyo; nobody looked whether the person is on the list (`prove`)."},
        "superseded": COUNT,
        "dead": COUNT,
        "dead_kept": COUNT,
        "evicted": COUNT,
        "fields_left_out": COUNTS,
        "missing": {"type": "integer", "description": "What the equation leaves out: 0, or a fault of Ferry."},
        "hold": HELD,
        "batches": array(ref("OpenBatch")),
    }
)
_CENSUS: Final = every(
    {
        "at": TIME,
        "balanced": FLAG,
        "scheduler": every({"alive": FLAG, "last_tick_at": MAYBE_TIME}),
        "workers": array(every({"name": TEXT, "state": TEXT})),
        "held_connections": {"type": "object", "additionalProperties": ref("Hold")},
        "shared_identifiers": {
            "type": "object",
            "additionalProperties": {"type": "object", "additionalProperties": TIME},
        },
        "queues": array(ref("Queue")),
    }
)
_ASKED: Final = every(
    {
        "queue": QUEUE,
        "asked": COUNT | {"description": "Changes that waited."},
        "upto": COUNT | {"description": "All of them are in batches when the queue's taken has come so far."},
    }
)
_LEDGER_SCHEMAS: Final[Schema] = {
    "Hold": _HOLD,
    "OpenBatch": _BATCH,
    "Queue": _ONE_QUEUE,
    "Census": _CENSUS,
    "QueueAnswer": every(
        {
            "at": TIME,
            "queue": ref("Queue"),
            "connection_hold": HELD,
            "uploads": array(ref("Upload")),
            "next": NEXT,
        }
    ),
    "Upload": _UPLOAD,
    "Flushed": every({"at": TIME, "queues": array(_ASKED)}),
    "Placed": every({"on": TEXT, "placed": FLAG | {"description": "false: it was held already, and that hold stays."}}),
    "Released": every(
        {
            "on": TEXT,
            "released": FLAG | {"description": "false: it was not held."},
            "still": MAYBE | {"description": "The cause that is still there, where it was forced."},
            "snapshot": {
                "oneOf": [ref("Snapshot"), {"type": "null"}],
                "description": "What the guard held and is carried out now.",
            },
        }
    ),
}


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
SCHEMAS: Final[Schema] = _LEDGER_SCHEMAS | {
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
