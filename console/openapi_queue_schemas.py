"""The schemas of queues and of what is done to them, for the OpenAPI document."""

from __future__ import annotations

from typing import Final, get_args

from console.openapi_forms import COUNT, COUNTS, FLAG, HELD, MAYBE, MAYBE_TIME, NEXT, QUEUE, TEXT, TIME, array, every
from intake.openapi_schemas import Schema, ref
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
SCHEMAS: Final[Schema] = {
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
