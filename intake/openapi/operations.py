"""The operations of the intake, for the OpenAPI document: addresses, parameters, bodies and answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from intake.http import limits
from intake.openapi.schemas import CLAMPED, Schema, answer, errors, in_json, operation, parameter, ref
from intake.segment.calls import CALLS
from queues.snapshots.orders import PIECE

_EXAMPLE: Final = "07-5f0c2b8e9d3a4f6b8c1d2e3f4a5b6c7d"
_READ: Final = errors("E", "400", "401", "403", "404", "429", "500", "503")
_TAKE: Final = _READ | errors("E", "408", "413", "415")
_CONNECTION: Final = parameter("connection", "The connection to send to; default when left out.")
_ID: Final = "The CDP's id of the audience; it must not contain a /."
_AUDIENCE: Final = parameter("audience", _ID, "path", example="42", maxLength=limits.AUDIENCE_ID)
_KEY: Final = "A request whose key was seen in the last 24 hours is answered and not stored again."
_AT: Final = f"The time of this membership: ISO 8601, or ms since 1970; now when left out. {CLAMPED}"
_TIMES: Final = [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}]
_LINES: Final = "One change per line. A change without an audience is for the one in ?audience."
_CSV: Final = "email,first_name,plan\nann@example.com,Ann,gold\nbob@example.com,,\n"
_NDJSON: Final = '{"email":"ann@example.com","first_name":"Ann","plan":"gold"}\n{"external_id":"c-17"}\n'
_ARRAY: Final[Schema] = {"type": "array", "items": ref("SnapshotMember")}
_DOCUMENT: Final[Schema] = {
    "oneOf": [
        _ARRAY,
        {"type": "object", "properties": {"members": _ARRAY}, "required": ["members"], "additionalProperties": False},
    ],
    "example": {"members": [{"email": "ann@example.com", "first_name": "Ann"}, {"external_id": "c-17"}]},
}


def _text(description: str, example: str = "") -> Schema:
    schema = {"type": "string", "description": description}
    return {"schema": schema | ({"example": example} if example else {})}


def _open(name: str, summary: str, done: Schema) -> Schema:
    return {"get": {"operationId": name, "summary": summary, "security": [], "responses": done}}


def paths(segment: Iterable[str]) -> Schema:
    """Return the addresses. `segment`: the names of the security schemes for messages of the Segment spec."""
    keyed: list[dict[str, list[str]]] = [{name: []} for name in segment if name != "signature"]
    return {
        "/v1/mparticle": {"post": _TO_MPARTICLE | {"security": [{"token": []}, {"bearer": []}, {}]}},
        "/v1/segment": {"post": _TO_SEGMENT | {"security": [{name: []} for name in segment]}},
        "/v1/{call}": {"post": _CALL | {"security": keyed}},
        "/v1/m": {"post": _METRICS | {"security": []}},
        "/v1/changes": {"post": _CHANGES},
        "/v1/audiences/{audience}/members": {"put": _MEMBERS},
        "/v1/audiences/{audience}/syncs": {"get": _SYNCS},
        "/v1/audiences/{audience}/syncs/{snapshot}": {"get": _SYNC},
        "/v1/audiences/{audience}/syncs/{snapshot}/rejected.csv": {"get": _REJECTED},
        "/v1/campaigns": {"post": _CAMPAIGNS},
        "/healthz": _open("health", "Whether the process is up", {"200": answer("It is up.", {"type": "object"})}),
        "/readyz": _open("readiness", "Whether Ferry accepts and delivers changes", _READINESS),
        "/openapi.json": _open("openapi", "This document", {"200": answer("OpenAPI 3.1.", {"type": "object"})}),
        "/docs": _open("docs", "This document as a page", _HTML),
    }


_MPARTICLE: Final = ("Registration", "Subscription", "Membership", "Events", "Erasure")
_TO_MPARTICLE: Final = operation(
    "mparticle",
    "One message of mParticle's Firehose",
    "The answer depends on the message's type. Only the registration request needs no token.",
    {
        "200": answer("Answered.", {"oneOf": [ref(f"{kind}Response") for kind in _MPARTICLE if kind != "Membership"]}),
        "202": answer("The changes are stored.", ref("MembershipResponse")),
        **{status: error for status, error in _TAKE.items() if status != "404"},
    },
    body=in_json({"oneOf": [ref(f"{kind}Request") for kind in _MPARTICLE]}),
)
_TO_SEGMENT: Final = operation(
    "segment",
    "Messages of the Segment spec",
    f"One message, or a batch of up to {limits.CHANGES:,}.",
    {"200": answer("Stored.", ref("SegmentAnswer")), **_TAKE},
    _CONNECTION,
    body=in_json({"oneOf": [ref("SegmentMessage"), ref("SegmentBatch")]}),
)
_CALL: Final = operation(
    "call",
    "The tracking API of Segment and RudderStack",
    "Takes what their libraries post: one message, or a batch of up to "
    f"{limits.CHANGES:,}, as JSON with any content type. Without a token or write key in a header, writeKey at the top "
    f"of the body counts, and the body may have {limits.KEYED_BODY:,} bytes. A slash may follow the address, and the "
    "first letter stands for the call (not for import).",
    {"200": answer("Stored.", ref("SegmentAnswer")), **_TAKE},
    parameter(
        "call",
        "The type of the messages, whatever they say; batch and import: each says its own.",
        "path",
        enum=[*CALLS],
    ),
    _CONNECTION,
    body=in_json({"anyOf": [ref("UntypedMessage"), ref("SegmentBatch")]}),
)
_METRICS: Final = operation(
    "metrics",
    "What Segment's libraries report of themselves",
    "Answered, and neither read nor stored.",
    {"200": answer("Answered.", {"type": "object"})},
)
_CHANGES: Final = operation(
    "changes",
    "Changes in Ferry's own format",
    f"Up to {limits.CHANGES:,} changes. A change that cannot be read becomes a dead letter; the others are accepted.",
    {"202": answer("Stored.", ref("ChangesAnswer")), **_TAKE},
    _CONNECTION,
    parameter("audience", "The audience of changes without one.", minLength=1, maxLength=limits.AUDIENCE_ID),
    parameter("name", "The name of that audience.", maxLength=limits.AUDIENCE_NAME),
    parameter("Idempotency-Key", _KEY, "header", maxLength=limits.MESSAGE_ID),
    body=in_json(ref("Changes")) | {"application/x-ndjson": _text(_LINES)},
)
_MEMBERS: Final = operation(
    "members",
    "The whole membership of an audience",
    "Makes the audience's Klaviyo list equal to the body: people who are not in it leave the list, new people join, "
    f"and changed values of the others are sent. Any size, plain or gzip, as long as {PIECE:,} bytes arrive within "
    f"each {limits.REQUEST_SECONDS:.0f} s; a body that breaks off changes nothing. A newer snapshot replaces a waiting "
    "one. Changes of single people that are newer than the snapshot stay.",
    {
        "202": answer("Stored, and waiting to be carried out.", ref("SnapshotAnswer")),
        **{status: error for status, error in _TAKE.items() if status != "413"},
    },
    _AUDIENCE,
    _CONNECTION,
    parameter("name", "The audience's name, also for its list.", maxLength=limits.AUDIENCE_NAME),
    parameter("at", _AT, oneOf=_TIMES),
    parameter("rows", "The number of rows; a body with another number is refused.", type="integer", minimum=0),
    parameter("confirm", "1: no confirmation is needed, however many people leave the list.", enum=["0", "1"]),
    parameter("reconcile", "1: Ferry reads the current members of the list from Klaviyo.", enum=["0", "1"]),
    body={
        "text/csv": _text("A header, then one row per member.", _CSV),
        "application/x-ndjson": _text("One member per line.", _NDJSON),
        **in_json(_DOCUMENT),
    },
)
_SYNCS: Final = operation(
    "syncs",
    "The last snapshots of an audience",
    "The newest first; empty for an audience without snapshots.",
    {"200": answer("The state of each snapshot.", ref("Snapshots")), **_READ},
    _AUDIENCE,
    _CONNECTION,
)
_SYNC: Final = operation(
    "sync",
    "The state of a snapshot",
    "Available until 30 days after its end.",
    {"200": answer("The current or final state.", ref("Snapshot")), **_READ},
    _AUDIENCE,
    parameter("snapshot", "The id from the answer to the snapshot.", "path", example=_EXAMPLE),
    _CONNECTION,
)
_REJECTED: Final = operation(
    "rejected",
    "The rows of a snapshot that cannot be sent",
    "The number and the reason of each row, without data of people; at most 10,000 rows for each reason, and then how "
    "many more. For a spreadsheet: no cell is a formula. A header alone if every row was sent.",
    {"200": {"description": "CSV.", "content": {"text/csv": _text("A header, then a line for each row.")}}, **_READ},
    _AUDIENCE,
    parameter("snapshot", "The id from the answer to the snapshot.", "path", example=_EXAMPLE),
    _CONNECTION,
)
_CAMPAIGNS: Final = operation(
    "campaigns",
    "A campaign: people in groups, each of which becomes a list",
    "Each group is a snapshot of its list, so repeating the same campaign changes nothing. A member who cannot be "
    "sent is counted as shrink of the snapshot. Members of audiences are those of the moment of the request. A request "
    "with an unknown name, or with an exclusion that identifies nobody, is refused.",
    {"202": answer("Stored, and waiting to be carried out.", ref("CampaignAnswer")), **_TAKE, **errors("E", "409")},
    body=in_json(ref("Campaign")),
)
_READINESS: Final = {
    "200": answer("Ferry accepts and delivers changes.", ref("Readiness")),
    "503": answer("A check failed; its remedy says what to do.", ref("Readiness")),
}
_HTML: Final[Schema] = {"200": {"description": "HTML.", "content": {"text/html": {"schema": {"type": "string"}}}}}
