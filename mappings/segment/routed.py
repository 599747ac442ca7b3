"""What is to be done for one message: the change that is made of it, and whom it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mappings import contact
from mappings.errors import Reason
from mappings.segment.actions import Kind

Change = Literal["add", "remove", "update", "event", "subscribe", "unsubscribe", "erase"]
#: The reason of a change that belongs to a list, where neither the settings nor the message lead to one.
LIST_UNKNOWN: Final = "list_unknown"

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

    `kind` of queue and `change`: what the ledger calls them. `fields`: the fragment to store. `identities`: (kind,
    value) of what tells persons apart, for the person keys. For kind `audience`, `audience_id` is the queue's target,
    `list_id` the Klaviyo list where it is known, and `audience_name` the list's name where it is not.
    `reason`, `detail`: set when the change is dead on arrival; the detail holds no value of the person.
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
    """What tells the person from others: the e-mail, the phone, the external id and Segment's user id.

    The anonymous id of a device, which a family may share, only when there is nothing else.
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
    """`reason` and `detail` for a person without any of the identifiers that this kind can be sent with; else empty."""
    if any(contact.text(person.get(name)) for name in _BY_KIND[kind]):
        return {}
    return {
        "reason": Reason.NO_IDENTIFIER,
        "detail": f"none of {', '.join(_BY_KIND[kind])} is found in the message; send one, or map another field to it",
    }
