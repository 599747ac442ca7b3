"""Puts the changes that actions make from Segment's messages into their queues."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Raw, structs

from configuration.connections import Connection
from identity.identifiers import (
    ANONYMOUS,
    EMAIL,
    OWN,
    PHONE,
    Identifiers,
    Named,
    keys_of,
    made,
    of_id,
    of_phone,
    typed_phone,
)
from intake.http import limits
from intake.incoming import BLOCKED, KIND, MALFORMED, PLACEHOLDER, Incoming
from mappings import contact
from mappings.errors import Reason, Unfit
from mappings.identifiers import canonical_email
from mappings.json_limits import is_deep
from mappings.phone import region_of
from mappings.segment.routed import Routed
from mappings.values import to_iso
from queues.change import Action
from queues.names import TARGETS

#: The fields with the time of an event and a consent; ISO 8601 or a number (`to_iso`).
_TIMES: Final = {"event": "time", "consent": "consented_at"}
_encode = msgspec.json.Encoder().encode


def put(incoming: Incoming, place: str, at: int, routed: Routed) -> None:
    """Add one change to its queue, or to its dead letters. `place`: of the message. `at`: when it happened, in ms."""
    routed, clamped = _not_later(routed, incoming.accepted_at)
    person = _stored(routed)
    who = _who(routed, incoming.connection)
    keys = keys_of(who) or typed_phone(contact.text(_person(routed).get("phone_number")) or "")
    part = incoming.part(_target(routed), routed.kind)
    part.clamped += clamped and at <= incoming.accepted_at  # for a message in the future, `add` counts its time
    if fault := _fault(routed, who, keys, person):
        # A membership becomes an update, because that does the least when replayed; other kinds keep their action.
        action: Action = "update" if routed.kind == KIND else routed.change
        reason, detail = fault
        incoming.bury(part, place, at, person, reason, f"{place}: {detail}", action)
        return
    if routed.kind == KIND:
        part.name = routed.audience_name or routed.audience_id
        part.settings = Raw(_encode({"listId": routed.list_id} if routed.list_id else {}))
    incoming.add(part, keys, routed.change, at, person)


def _fault(routed: Routed, who: Identifiers, keys: tuple[str, ...], person: bytes) -> tuple[str, str] | None:
    """Return reason and detail when the change cannot be delivered."""
    if routed.reason:
        return routed.reason, routed.detail or ""
    if routed.kind == KIND and _target(routed) is None:
        return MALFORMED, f"the id of its audience or list is empty or has over {limits.AUDIENCE_ID} characters"
    if len(routed.audience_name or "") > limits.AUDIENCE_NAME:
        return MALFORMED, f"the name of its audience has over {limits.AUDIENCE_NAME} characters"
    if is_deep(person):
        return MALFORMED, "the result of the action is nested too deeply"
    if not keys and not who.left_out:
        return Reason.PHONE_INVALID, "its phone has no digit, and nothing else identifies the person; correct the phone"
    return None if keys else (BLOCKED, PLACEHOLDER)


def _not_later(routed: Routed, now: int) -> tuple[Routed, bool]:
    """Replace the time of an event or consent in the future by `now` (ms), and return whether it was replaced.

    Klaviyo refuses a consent in the future. An old time stays, unlike the time of a change: a consent made new would
    subscribe people who have left since. The mapping refuses values that are not times.
    """
    name = _TIMES.get(routed.kind, "")
    try:
        given = to_iso(routed.fields.get(name))
    except Unfit:
        return routed, False
    latest = to_iso(now)
    if given <= latest:
        return routed, False
    return structs.replace(routed, fields=routed.fields | {name: latest}), True


def _target(routed: Routed) -> str | None:
    """Return the target of the queue; None when it cannot be read."""
    if routed.kind != KIND:
        return TARGETS[routed.kind]
    known = routed.audience_id
    return known if known and len(known) <= limits.AUDIENCE_ID else None


def _who(routed: Routed, connection: Connection) -> Identifiers:
    """Return the identifiers of the person; an event without usable ones has its device instead."""
    identities = routed.identities
    if routed.kind == "consent":
        # A consent belongs to the e-mail address and phone, so both are keys, and no id of the person is one.
        given = (("email", routed.fields.get("email")), ("phone", routed.fields.get("phone_number")))
        identities = tuple((kind, value) for kind, raw in given if (value := contact.text(raw)))
    country = region_of(_person(routed).get("country_code"), connection.rules.default_country)
    found = [(kind, _spelled(kind, value, country)) for kind, value in identities]
    who = made(found, connection.identity.blocked)
    device = made(_device(routed), connection.identity.blocked)
    return who if who.named or not device.named else device


def _device(routed: Routed) -> list[Named]:
    found = contact.text(_person(routed).get(ANONYMOUS)) if routed.kind == "event" else None
    return [(ANONYMOUS, of_id(found or ""))]


def _person(routed: Routed) -> dict[str, Any]:
    """Return the fields that have the identifiers of the person."""
    profile = routed.fields.get("profile") if routed.kind == "event" else routed.fields
    return profile if isinstance(profile, dict) else {}


def _spelled(kind: str, value: str, country: str | None) -> str:
    if kind == EMAIL:
        return canonical_email(value)
    return of_phone(value, country) if kind == PHONE else of_id(value)


def _stored(routed: Routed) -> bytes:
    """Return the fragment to store, with Segment's own ids of people, which identify the person at delivery."""
    own = {kind: value for kind, value in routed.identities if kind in (*OWN, ANONYMOUS)}
    return _encode(routed.fields | own if routed.kind in (KIND, "profile", "event") else routed.fields)
