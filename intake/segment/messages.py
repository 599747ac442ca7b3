"""What is posted to `/v1/segment`: messages of the Segment spec (Segment: spec, HTTP tracking API)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType, field

from intake.http.faults import UNREADABLE, bad_request, describe
from intake.http.limits import CHANGES, MESSAGE_ID, SHARED
from intake.openapi.schemas import Schema, ref, requests
from mappings.errors import Unfit
from mappings.times import to_iso

Type = Literal["identify", "track", "group", "alias", "page", "screen", "delete"]
TYPES: Final = "identify, track, group, alias, page, screen, delete"
#: Where a message says when it happened, the best first. Segment works `timestamp` out when it passes a message on;
#: what comes straight from a library may have the others only.
_TIMES: Final = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")
_EMPTY: Final = (b"", b"null")


_MessageRaw = Annotated[Raw, Meta(extra_json_schema=ref("SegmentMessage"))]
_OBJECT: Final[Schema] = {"type": ["object", "null"]}


class PostedMessages(msgspec.Struct):
    """A batch of messages; without `batch` it is one message. Each is read by itself."""

    batch: Annotated[list[_MessageRaw], Meta(extra_json_schema={"maxItems": CHANGES})] | UnsetType = UNSET
    context: Annotated[
        Raw,
        Meta(description="Holds for all messages; what a message has itself lies over it.", extra_json_schema=_OBJECT),
    ] = field(default_factory=Raw)
    integrations: Annotated[Raw, Meta(description="As context.", extra_json_schema=_OBJECT)] = field(
        default_factory=Raw
    )


class SegmentMessage(msgspec.Struct, rename="camel"):
    """A message of the Segment spec.

    The actions of the connection say what becomes of it; they read any field. One that cannot be read becomes a dead
    letter and never fails the batch.
    """

    type: Type
    message_id: Annotated[
        Annotated[str, Meta(max_length=MESSAGE_ID)] | int | None,
        Meta(description="The sender's id of the message; one seen in the last 24 hours is stored once."),
    ] = None


_object = msgspec.json.Decoder(dict[str, Any])


def shared(posted: PostedMessages) -> dict[str, dict[str, Any]]:
    """What holds for all messages of a batch, by its name. Raises falcon.HTTPBadRequest naming the place."""
    if isinstance(posted.batch, UnsetType):
        return {}
    found = {}
    for name, raw in (("context", posted.context), ("integrations", posted.integrations)):
        try:
            if len(raw) > SHARED:
                raise bad_request(f"$.{name}: over {SHARED:,} bytes; give each message the part that it needs")
            if bytes(raw) not in _EMPTY:
                found[name] = _object.decode(raw)
        except UNREADABLE as fault:
            raise bad_request(describe(fault, f"$.{name}")) from None
    return found


def complete(fields: dict[str, Any], common: dict[str, dict[str, Any]], now: int) -> dict[str, Any]:
    """The message with what holds for the whole batch, and with a `timestamp`. `now`: ms, for one without any time."""
    for name, values in common.items():
        own = fields.get(name) or {}
        if isinstance(own, dict):
            fields[name] = {**values, **own}
    given = (fields.get(name) for name in _TIMES)
    fields["timestamp"] = next((time for time in given if time not in (None, "")), None) or _iso(now)
    return fields


def happened(fields: dict[str, Any], now: int) -> int:
    """When a completed message says that it happened, in ms; `now` where its time cannot be read.

    It only brings the changes of a person into order. Whether an event can be sent with such a time its mapping says.
    """
    try:
        iso = to_iso(fields["timestamp"])
    except Unfit:
        return now
    return round(datetime.fromisoformat(iso).timestamp() * 1000)


def _iso(ms: int) -> str:
    return to_iso(datetime.fromtimestamp(ms / 1000, UTC).isoformat())


_ID: Final[Schema] = {"type": ["string", "integer", "null"]}
_WHEN: Final = "When it happened: ISO 8601, or seconds or ms since 1970; now when left out."
#: What a message of the Segment spec may have besides what Ferry itself reads.
_READ_BY_ACTIONS: Final[Schema] = {
    "userId": _ID,
    "anonymousId": _ID,
    "event": {"type": ["string", "null"], "description": "What was done, of a track message."},
    **dict.fromkeys(("traits", "properties", "context", "integrations"), _OBJECT),
    "timestamp": {"type": ["string", "number", "null"], "description": _WHEN},
}


def schemas() -> Schema:
    """What the OpenAPI document says of messages."""
    found = requests(SegmentMessage=SegmentMessage, SegmentBatch=PostedMessages)
    found["SegmentMessage"]["properties"] |= _READ_BY_ACTIONS
    found["SegmentBatch"]["required"] = ["batch"]  # without it, it is a message
    return found
