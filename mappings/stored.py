"""Reads the person of a stored change, for every kind of queue."""

from __future__ import annotations

from typing import Final

from mappings import person as fragments
from mappings import sources
from mappings.person import Person
from mappings.segment import person as segment_person

#: A consent holds only addresses, in the same form for every source.
_CONSENT: Final = "consent"
_EVENT: Final = "event"


def person(kind: str, source: str, fragment: bytes) -> Person:
    """Return the person of a change in a queue of that kind; for an event, without attributes.

    Raises Rejected for an unreadable fragment.
    """
    if kind == _CONSENT:
        return segment_person.read(fragment)
    if kind != _EVENT:
        return sources.read(source, fragment)
    fields = fragments.decode(fragment)
    profile = fields.get("profile")
    if not isinstance(profile, dict):
        raise fragments.unreadable("has a profile that is not a JSON object", "profile")
    # The CDP's own id is stored beside the profile, which holds only Klaviyo's identifiers.
    return segment_person.identified({**profile, "user_id": fields.get("user_id")})
