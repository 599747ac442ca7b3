"""What is posted to `/v1/segment`: messages of the Segment spec (Segment: spec, HTTP tracking API)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from intake.http.faults import UNREADABLE, bad_request, describe
from intake.http.limits import MESSAGE_ID, SHARED
from intake.mparticle.messages import NOTHING
from mappings.errors import Unfit
from mappings.times import to_iso

Type = Literal["identify", "track", "group", "alias", "page", "screen", "delete"]
TYPES: Final = "identify, track, group, alias, page, screen, delete"
#: Where a message says when it happened, the best first. Segment works `timestamp` out when it passes a message on;
#: what comes straight from a library may have the others only.
_TIMES: Final = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")
_EMPTY: Final = (b"", b"null")


class Posted(msgspec.Struct):
    """A request: a batch of messages, or, without `batch`, one message. Each is read by itself later.

    `context` and `integrations` beside a batch hold for all its messages, and those of a message lie over them.
    """

    batch: list[Raw] | UnsetType = UNSET
    context: Raw = NOTHING
    integrations: Raw = NOTHING


class Message(msgspec.Struct, rename="camel"):
    """What Ferry itself needs of a message; the rest is its actions' business."""

    type: Type
    message_id: Annotated[str, Meta(max_length=MESSAGE_ID)] | int | None = None


_object = msgspec.json.Decoder(dict[str, Any])


def shared(posted: Posted) -> dict[str, dict[str, Any]]:
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
