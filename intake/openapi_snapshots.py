"""The operations of snapshots, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from intake import limits
from intake.openapi_parts import CONNECTION, answer, errors, query
from intake.openapi_schemas import CLAMPED, TEXT_TIME, Schema, ref
from intake.openapi_snapshot_schemas import ID
from queues.snapshots import PIECE

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
            **errors("400", "401", "404", "408", "415", "500", "503"),
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
    "responses": {"200": answer("How each goes.", ref("Snapshots")), **errors("400", "401", "404", "500", "503")},
}
_SYNC: Final[dict[str, Any]] = {
    "operationId": "sync",
    "summary": "How a snapshot goes",
    "parameters": [_AUDIENCE, _SNAPSHOT, CONNECTION],
    "responses": {
        "200": answer("How it goes, or went.", ref("Snapshot")),
        **errors("400", "401", "404", "500", "503"),
    },
}
PATHS: Final[dict[str, Any]] = {
    "/v1/audiences/{audience}/members": {"put": _members()},
    "/v1/audiences/{audience}/syncs": {"get": _SYNCS},
    "/v1/audiences/{audience}/syncs/{snapshot}": {"get": _SYNC},
}
