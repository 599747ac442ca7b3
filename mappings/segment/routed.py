"""The change that an action makes of one message, and the person it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

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


class Routed(msgspec.Struct, frozen=True):
    """One change for one queue.

    `kind` of queue and `change`: their names in the ledger. `fields`: the fragment to store. `identities`: the (kind,
    value) pairs for the person keys. For kind `audience`, `audience_id` is the queue's target, `list_id` the Klaviyo
    list if known, and `audience_name` the list's name if not. `reason`, `detail`: set if the change becomes a dead
    letter at once; the detail contains no value of the person.
    """

    kind: Kind
    change: Change
    fields: dict[str, Any]
    identities: tuple[tuple[str, str], ...]
    list_id: str | None = None
    audience_id: str | None = None
    audience_name: str | None = None
    reason: str | None = None
    detail: str | None = None

    def __repr__(self) -> str:
        """Leave out what is the person's."""
        return f"Routed({self.kind!r}, {self.change!r}, audience_id={self.audience_id!r}, reason={self.reason!r})"


def identities(person: Mapping[str, Any], message: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the person's identities: the e-mail, the phone number, the external id and Segment's user id.

    The anonymous id of a device, which a family may share, is used only if there is nothing else.
    """
    known = []
    for kind, given in (
        ("email", person.get("email")),
        ("phone", person.get("phone_number")),
        ("external_id", person.get("external_id")),
        ("user_id", message.get("userId")),
    ):
        if value := contact.text(given):
            known.append((kind, value))
    if not known and (device := contact.text(person.get("anonymous_id")) or contact.text(message.get("anonymousId"))):
        known.append(("anonymous_id", device))
    return tuple(known)


def nobody(kind: Kind, person: Mapping[str, Any]) -> dict[str, str]:
    """Return `reason` and `detail` for a person without any identifier that this kind can be sent with; else empty."""
    for name in _BY_KIND[kind]:
        if contact.text(person.get(name)):
            return {}
    return {
        "reason": Reason.NO_IDENTIFIER,
        "detail": f"the message has none of {', '.join(_BY_KIND[kind])}; send one, or map another field to it",
    }
