"""Puts what an action makes of a message of Segment's into its queue."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from intake import limits
from intake.incoming import KIND, MALFORMED, Incoming
from intake.nesting import too_deep
from mappings import contact
from mappings.errors import Reason
from mappings.segment_routed import Routed
from queues import phones
from queues.change import Action, person_key
from queues.names import TARGETS

_encode = msgspec.json.Encoder().encode


def put(incoming: Incoming, place: str, at: int, routed: Routed) -> None:
    """One change into its queue, or among the dead of it. `place`: of the message. `at`: when it happened, in ms."""
    person = _encode(routed.fields)
    keys = _keys(routed)
    part = incoming.part(_target(routed), routed.kind)
    if fault := _fault(routed, keys, person):
        # Replayed, a membership does the least as an update; the others are what they are.
        action: Action = "update" if routed.kind == KIND else routed.change
        reason, detail = fault
        incoming.bury(part, place, at, person, reason, f"{place}: {detail}", action)
        return
    if routed.kind == KIND:
        part.name = routed.audience_name or routed.audience_id
        part.settings = Raw(_encode({"listId": routed.list_id} if routed.list_id else {}))
    incoming.add(part, keys, routed.change, at, person)


def _fault(routed: Routed, keys: tuple[str, ...], person: bytes) -> tuple[str, str] | None:
    """Reason and detail, where the change cannot be delivered."""
    if routed.reason:
        return routed.reason, routed.detail or ""
    if routed.kind == KIND and _target(routed) is None:
        return MALFORMED, f"its audience or list has an id of no or over {limits.AUDIENCE_ID} characters"
    if len(routed.audience_name or "") > limits.AUDIENCE_NAME:
        return MALFORMED, f"its audience has a name of over {limits.AUDIENCE_NAME} characters"
    if too_deep(person):
        return MALFORMED, "what the action makes of it is nested too deeply"
    if not keys:
        return Reason.PHONE_INVALID, "its phone has no digit, and nothing else identifies the person; correct the phone"
    return None


def _target(routed: Routed) -> str | None:
    """The target of the queue; None where it cannot be read which one is meant."""
    if routed.kind != KIND:
        return TARGETS[routed.kind]
    known = routed.audience_id
    return known if known and len(known) <= limits.AUDIENCE_ID else None


def _keys(routed: Routed) -> tuple[str, ...]:
    identities = routed.identities
    if routed.kind == "consent":
        # A consent belongs to the address, whoever gives it: both are keys, and no id of the person is one.
        given = (("email", routed.fields.get("email")), ("phone", routed.fields.get("phone_number")))
        identities = tuple((kind, value) for kind, raw in given if (value := contact.text(raw)))
    plain = ((kind, phones.plain(value) if kind == "phone" else value) for kind, value in identities)
    return tuple(person_key(kind, value) for kind, value in plain if value)
