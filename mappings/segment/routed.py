"""The change that an action makes of one message, and the person it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mappings import contact
from mappings.errors import Reason
from mappings.segment.actions import Kind

Change = Literal["add", "remove", "update", "event", "subscribe", "unsubscribe", "erase"]
#: The reason for a change that needs a list, if neither the settings nor the message name one.
LIST_UNKNOWN: Final = "list_unknown"
#: The reason for a consent without a channel that Klaviyo and Ferry have, where the action takes channels.
CHANNEL_UNKNOWN: Final = "channel_unknown"

_PERSON: Final = ("email", "phone_number", "external_id")
_BY_KIND: Final[dict[Kind, tuple[str, ...]]] = {
    "profile": _PERSON,
    "audience": _PERSON,
    "consent": ("email", "phone_number"),
    "event": (*_PERSON, "anonymous_id"),
    "erasure": _PERSON,
}


@dataclass(frozen=True, slots=True)
class Routed:
    """One change for one queue.

    `kind` of queue and `change`: their names in the ledger. `fields`: the fragment to store. `identities`: the (kind,
    value) pairs for the person keys. For kind `audience`, `audience_id` is the queue's target, `list_id` the Klaviyo
    list if known, and `audience_name` the list's name if not. `reason`, `detail`: set if the change becomes a dead
    letter at once; the detail contains no value of the person.
    """

    kind: Kind
    change: Change
    fields: dict[str, Any] = field(repr=False)
    identities: tuple[tuple[str, str], ...] = field(repr=False)
    list_id: str | None = None
    audience_id: str | None = None
    audience_name: str | None = None
    reason: str | None = None
    detail: str | None = None


def identities(person: Mapping[str, Any], message: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the person's identities: the e-mail, the phone number, the external id and Segment's user id.

    The anonymous id of a device, which a family may share, is used only if there is nothing else.
    """
    found = {
        "email": contact.text(person.get("email")),
        "phone": contact.text(person.get("phone_number")),
        "external_id": contact.text(person.get("external_id")),
        "user_id": contact.text(message.get("userId")),
    }
    known = tuple((kind, value) for kind, value in found.items() if value)
    anonymous = contact.text(person.get("anonymous_id")) or contact.text(message.get("anonymousId"))
    return known or ((("anonymous_id", anonymous),) if anonymous else ())


def nobody(kind: Kind, person: Mapping[str, Any]) -> dict[str, str]:
    """Return `reason` and `detail` for a person without any identifier that this kind can be sent with; else empty."""
    if any(contact.text(person.get(name)) for name in _BY_KIND[kind]):
        return {}
    return {
        "reason": Reason.NO_IDENTIFIER,
        "detail": f"the message has none of {', '.join(_BY_KIND[kind])}; send one, or map another field to it",
    }
