"""The operations of snapshots, for the OpenAPI document.

The schemas of snapshots, for the OpenAPI document.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from intake.http import limits
from intake.openapi.schemas import CLAMPED, CONNECTION, TEXT_TIME, Schema, answer, errors, obj, query, ref
from queues.snapshots.orders import PIECE, Format, State

ID: Final = "07-5f0c2b8e9d3a4f6b8c1d2e3f4a5b6c7d"
STATUS: Final = f"/v1/audiences/42/syncs/{ID}"
_AUDIENCE: Final[Schema] = {
    "name": "audience",
    "in": "path",
    "required": True,
    "description": "The CDP's id of the audience; not one with a / in it.",
    "schema": {"type": "string", "minLength": 1, "maxLength": limits.AUDIENCE_ID},
    "example": "42",
}
_SNAPSHOT: Final[Schema] = {
    "name": "snapshot",
    "in": "path",
    "required": True,
    "description": "As the answer to the snapshot has it.",
    "schema": {"type": "string"},
    "example": ID,
}
_CSV: Final = "email,first_name,plan\nann@example.com,Ann,gold\nbob@example.com,,\n"
_NDJSON: Final = '{"email":"ann@example.com","first_name":"Ann","plan":"gold"}\n{"external_id":"c-17"}\n'


def _members() -> dict[str, Any]:
    return {
        "operationId": "members",
        "summary": "The whole membership of an audience",
        "description": "Makes the audience's Klaviyo list equal to the body: whoever is not in it leaves the list, "
        "whoever is new joins, and of the others what changed is sent. Of any size, plain or gzip, while "
        f"{PIECE:,} bytes come within each {limits.REQUEST_SECONDS:.0f} s; one that breaks off changes nothing. A "
        "newer one takes the place of one that waits. A change of one person that is newer than it stays as it is.",
        "parameters": [
            _AUDIENCE,
            CONNECTION,
            query("name", "The audience's name, which its list gets.", maxLength=limits.AUDIENCE_NAME),
            _query(
                "at",
                f"The time at which the membership was so: ISO 8601, or ms since 1970; now when left out. {CLAMPED}",
                oneOf=[TEXT_TIME, {"type": "integer", "minimum": 0}],
            ),
            _query("rows", "How many rows it has; with another number it is refused.", type="integer", minimum=0),
            _query("confirm", "1: nobody is asked, however many leave the list.", type="string", enum=["0", "1"]),
            _query("reconcile", "1: Klaviyo is asked whom the list has.", type="string", enum=["0", "1"]),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {"schema": _text("A header, then a row for each member.", _CSV)},
                "application/x-ndjson": {"schema": _text("A member on each line.", _NDJSON)},
                "application/json": {"schema": _DOCUMENT},
            },
        },
        "responses": {
            "202": answer("Stored, and waiting to be carried out.", ref("SnapshotAnswer")),
            **errors("400", "401", "403", "404", "408", "415", "429", "500", "503"),
        },
    }


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return query(name, description) | {"schema": schema}


def _text(description: str, example: str) -> Schema:
    return {"type": "string", "description": description, "example": example}


_DOCUMENT: Final[Schema] = {
    "oneOf": [
        {"type": "array", "items": ref("SnapshotMember")},
        {
            "type": "object",
            "properties": {"members": {"type": "array", "items": ref("SnapshotMember")}},
            "required": ["members"],
            "additionalProperties": False,
        },
    ],
    "example": {"members": [{"email": "ann@example.com", "first_name": "Ann"}, {"external_id": "c-17"}]},
}
_SYNCS: Final[dict[str, Any]] = {
    "operationId": "syncs",
    "summary": "The last snapshots of an audience",
    "description": "The newest first; none of an audience for which none came.",
    "parameters": [_AUDIENCE, CONNECTION],
    "responses": {
        "200": answer("How each goes.", ref("Snapshots")),
        **errors("400", "401", "403", "404", "429", "500", "503"),
    },
}
_SYNC: Final[dict[str, Any]] = {
    "operationId": "sync",
    "summary": "How a snapshot goes",
    "parameters": [_AUDIENCE, _SNAPSHOT, CONNECTION],
    "responses": {
        "200": answer("How it goes, or went.", ref("Snapshot")),
        **errors("400", "401", "403", "404", "429", "500", "503"),
    },
}
PATHS: Final[dict[str, Any]] = {
    "/v1/audiences/{audience}/members": {"put": _members()},
    "/v1/audiences/{audience}/syncs": {"get": _SYNCS},
    "/v1/audiences/{audience}/syncs/{snapshot}": {"get": _SYNC},
}


#: A snapshot's id, for examples.
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
