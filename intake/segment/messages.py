"""The messages posted to `/v1/segment` and the tracking API: those of the Segment spec (Segment: spec, HTTP API)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, get_args

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType, field

from intake.http.faults import UNREADABLE, bad_request, describe
from intake.http.limits import CHANGES, MESSAGE_ID, SHARED
from intake.openapi.schemas import Schema, ref, requests
from intake.segment.calls import Type
from mappings.errors import Unfit
from mappings.values import to_iso

TYPES: Final = ", ".join(get_args(Type))
#: The time fields of a message, the best first. Segment adds `timestamp` when it forwards a message; a message straight
#: from a library may have only the others.
_TIMES: Final = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")
_EMPTY: Final = (b"", b"null")
_INTEGRATIONS: Final = "integrations"
#: What `integrations` beside a batch may be instead of an object, and the object that says the same.
_FOR_ALL: Final[dict[bytes, dict[str, Any]]] = {
    raw: {"All": False} if b"false" in raw else {} for raw in (b"false", b'"false"', b"true", b'"true"')
}
_WRITE_KEY: Final = "writeKey"
_MessageRaw = Annotated[Raw, Meta(extra_json_schema=ref("SegmentMessage"))]
_OBJECT: Final[Schema] = {"type": ["object", "null"]}
_members = msgspec.json.Decoder(dict[str, Raw])
_object = msgspec.json.Decoder(dict[str, Any])
_ID: Final[Schema] = {"type": ["string", "integer", "null"]}
_KEY: Final = "A sender's token, for /v1/{call} without a header that shows it; it is not stored."
_WHEN: Final = "When it happened: ISO 8601, or seconds or ms since 1970; now when left out."
#: Fields of the Segment spec that only actions read.
_READ_BY_ACTIONS: Final[Schema] = {
    "userId": _ID,
    "anonymousId": _ID,
    "event": {"type": ["string", "null"], "description": "The name of the event, in a track message."},
    **dict.fromkeys(("traits", "properties", "context", "integrations"), _OBJECT),
    "timestamp": {"type": ["string", "number", "null"], "description": _WHEN},
}


class PostedMessages(msgspec.Struct):
    """A batch of messages; without `batch` it is one message. Each is read on its own."""

    batch: Annotated[list[_MessageRaw], Meta(extra_json_schema={"maxItems": CHANGES})] | UnsetType = UNSET
    context: Annotated[
        Raw,
        Meta(description="Applies to all messages; a message's own values win.", extra_json_schema=_OBJECT),
    ] = field(default_factory=Raw)
    integrations: Annotated[
        Raw,
        Meta(description="Applies to all messages; a message's own values win.", extra_json_schema=_OBJECT),
    ] = field(default_factory=Raw)


class UntypedMessage(msgspec.Struct, rename="camel"):
    """A message of the Segment spec whose type its address gives; its own type does not count."""

    message_id: Annotated[
        Annotated[str, Meta(max_length=MESSAGE_ID)] | int | None,
        Meta(description="The sender's id of the message. An id seen in the last 24 hours is not stored again."),
    ] = None


class SegmentMessage(UntypedMessage, kw_only=True):
    """A message of the Segment spec.

    The actions of the connection decide what it changes; they may read any field. A message that cannot be read becomes
    a dead letter and does not fail the batch.
    """

    type: Type


def shared(posted: PostedMessages) -> dict[str, dict[str, Any]]:
    """Return the fields that apply to all messages of a batch, by name. Raises falcon.HTTPBadRequest with the place."""
    if isinstance(posted.batch, UnsetType):
        return {}
    found = {}
    for name, raw in (("context", posted.context), (_INTEGRATIONS, posted.integrations)):
        try:
            if len(raw) > SHARED:
                raise bad_request(f"$.{name}: over {SHARED:,} bytes; give each message only the part it needs")
            if name == _INTEGRATIONS and (flags := _FOR_ALL.get(bytes(raw).lower())) is not None:
                found[name] = flags
            elif bytes(raw) not in _EMPTY:
                found[name] = _object.decode(raw)
        except UNREADABLE as fault:
            raise bad_request(describe(fault, f"$.{name}")) from None
    return found


def complete(fields: dict[str, Any], common: dict[str, dict[str, Any]], now: int) -> dict[str, Any]:
    """Return the message with the fields of the batch and a `timestamp`, and without its write key.

    `now`: ms, for a message without a time.
    """
    fields.pop(_WRITE_KEY, None)
    for name, values in common.items():
        own = fields.get(name)
        # Nothing, also as PHP writes an object without members: `[]`. But `false` says that a message is for nobody.
        if isinstance(own, dict) or not (own or own is False):
            fields[name] = {**values, **(own or {})}
    given = (fields.get(name) for name in _TIMES)
    fields["timestamp"] = next((time for time in given if time not in (None, "")), None) or _iso(now)
    return fields


def without_write_key(raw: bytes | Raw) -> bytes | Raw:
    """Return a message without the write key, which is a secret of its sender and must not be stored."""
    try:
        members = _members.decode(raw)
    except UNREADABLE:
        return raw
    return raw if members.pop(_WRITE_KEY, None) is None else msgspec.json.encode(members)


def happened(fields: dict[str, Any], now: int) -> int:
    """Return the time of a completed message in ms; `now` when it cannot be read.

    It only orders the changes of a person. The mapping decides whether an event can be sent with its time.
    """
    try:
        iso = to_iso(fields["timestamp"])
    except Unfit:
        return now
    return round(datetime.fromisoformat(iso).timestamp() * 1000)


def _iso(ms: int) -> str:
    return to_iso(datetime.fromtimestamp(ms / 1000, UTC).isoformat())


def schemas() -> Schema:
    """Return the schemas of messages for the OpenAPI document."""
    found = requests(SegmentMessage=SegmentMessage, SegmentBatch=PostedMessages, UntypedMessage=UntypedMessage)
    for name in ("SegmentMessage", "UntypedMessage"):
        found[name]["properties"] |= _READ_BY_ACTIONS
    for name in ("SegmentBatch", "UntypedMessage"):
        found[name]["properties"][_WRITE_KEY] = {"type": "string", "description": _KEY}
    found["SegmentBatch"]["required"] = ["batch"]  # without it, the body is one message
    return found
