"""The schemas of snapshots, for the OpenAPI document."""

from __future__ import annotations

from typing import Final, get_args

from intake.openapi_schemas import Schema, obj, ref
from queues.snapshots import Format, State

#: A snapshot's id, for examples.
ID: Final = "07-5f0c2b8e9d3a4f6b8c1d2e3f4a5b6c7d"
STATUS: Final = f"/v1/audiences/42/syncs/{ID}"
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_TEXT: Final[Schema] = {"type": "string"}
_STATE: Final[Schema] = {
    "type": "string",
    "enum": list(get_args(State)),
    "description": "waiting: for its turn or its launch. held: it would take very many off the list, and a person is "
    "asked. superseded: by a newer one. refused: `error` says why; nothing was changed.",
}
_COUNTS: Final = obj(
    {
        "rows": _COUNT,
        "customers": _COUNT | {"description": "Told apart by external id where the sender gives one."},
        "people": _COUNT | {"description": "To be on the list."},
        "duplicates": _COUNT | {"description": "Rows of a person who has a later one."},
        "expansion": _COUNT | {"description": "People beyond one per customer."},
        "shrink": {
            "type": "object",
            "description": "Those who cannot be sent, by reason.",
            "additionalProperties": _COUNT,
        },
        "held": _COUNT | {"description": "Members before."},
        "adds": _COUNT,
        "updates": _COUNT,
        "removals": _COUNT,
        "unchanged": _COUNT,
        "newer": _COUNT | {"description": "Left alone, because a single change is newer."},
    }
)
_ORDER: Final = obj(
    {
        "snapshot": _TEXT,
        "at": {"type": "integer", "description": "The ms since 1970 at which the membership was so."},
        "format": {"type": "string", "enum": list(get_args(Format))},
        "gzip": {"type": "boolean"},
        "rows": {"type": ["integer", "null"], "description": "As many as the sender says there are."},
        "attributes": {"type": ["array", "null"], "items": _TEXT},
        "confirmed": {"type": "boolean"},
        "reconcile": {"type": "boolean"},
        "not_before": {"type": "integer", "description": "ms since 1970."},
        "name": _TEXT | {"description": "Of the audience."},
        "list_name": _TEXT,
        "campaign": _TEXT,
        "group": _TEXT,
    },
    "snapshot",
    "at",
    "format",
    description="What was asked for. What was not asked for is left out.",
)
_RECORD: Final = obj(
    {
        "queue": _TEXT | {"description": "For the commands of an operator."},
        "order": _ORDER,
        "since": {"type": "integer", "description": "The ms since 1970 at which it was accepted."},
        "bytes": _COUNT | {"description": "Of the body as it came."},
        "state": _STATE,
        "counts": {"oneOf": [ref("SnapshotCounts"), {"type": "null"}]},
        "examples": {
            "type": "object",
            "description": "By reason, the numbers of the first rows that cannot be sent, from 1.",
            "additionalProperties": {"type": "array", "items": _COUNT},
        },
        "drift": {
            "type": "object",
            "description": "What Klaviyo's list and Ferry's knowledge of it did not share, where Klaviyo was asked.",
            "additionalProperties": _COUNT,
        },
        "error": _TEXT,
        "ended": {"type": ["integer", "null"], "description": "ms since 1970; null while it has not."},
    },
    "queue",
    "order",
    "since",
    "bytes",
    "state",
)
_MEMBER: Final = obj(
    {
        "email": {"description": "One, or an array of those of one customer, who are several people then."},
        "phone": {"type": ["string", "integer", "null"]},
        "external_id": {"type": ["string", "integer", "null"]},
        "attributes": {"type": ["object", "null"], "description": "They may stand beside the others as well."},
    },
    description="Needs at least one of email, phone and external_id; one without is counted as shrink.",
) | {"example": {"email": "ann@example.com", "first_name": "Ann", "plan": "gold"}}
_ACCEPTED: Final = obj(
    {
        "snapshot": _TEXT | {"example": ID},
        "bytes": _COUNT | {"description": "Of the body as it came."},
        "state": _TEXT | {"const": "waiting"},
        "status": _TEXT | {"description": "Address at which to ask how it goes.", "example": STATUS},
    },
    "snapshot",
    "bytes",
    "state",
    "status",
)
SCHEMAS: Final[Schema] = {
    "SnapshotMember": _MEMBER,
    "SnapshotAnswer": _ACCEPTED,
    "Snapshot": _RECORD,
    "SnapshotCounts": _COUNTS,
    "Snapshots": obj({"syncs": {"type": "array", "items": ref("Snapshot")}}, "syncs"),
}
