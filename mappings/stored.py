"""The person of any stored change, whatever the kind of its queue keeps of one."""

from __future__ import annotations

from typing import Final

from mappings import person as fragments
from mappings import sources
from mappings.person import Person
from mappings.segment import person as segment_person

#: A consent holds the addresses alone, whichever source it is of.
_CONSENT: Final = "consent"
_EVENT: Final = "event"


def person(kind: str, source: str, fragment: bytes) -> Person:
    """The person by whom, or of whom, a change of a queue of that kind is; of an event without attributes.

    Raises Rejected for a fragment that cannot be read.
    """
    if kind == _CONSENT:
        return segment_person.read(fragment)
    if kind != _EVENT:
        return sources.read(source, fragment)
    fields = fragments.decode(fragment)
    profile = fields.get("profile")
    if not isinstance(profile, dict):
        raise fragments.unreadable("has a profile that is no JSON object", "profile")
    # The CDP's own id stands beside the profile, which holds what is Klaviyo's.
    return segment_person.identified({**profile, "user_id": fields.get("user_id")})
