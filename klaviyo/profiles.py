"""Requests about one profile, for what a bulk import cannot do (Klaviyo: create or update profile)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.endpoints import DELETION, PROFILE_IMPORT, PROFILES, UPDATE_PROFILE
from klaviyo.errors import NotAccepted
from klaviyo.lookups import equals, query
from klaviyo.outcomes import Gone

#: `id` is Klaviyo's id of a profile. Klaviyo cannot erase by the id of another system.
Identifier = Literal["email", "phone_number", "id"]


def clear_fields(call: Caller, who: Mapping[str, str], fields: Sequence[str]) -> None:
    """Clear standard fields of a profile, such as `first_name` or `location.region`.

    A null clears a field here; in a bulk import it changes nothing. `who`: exactly one entry, the `id` of Klaviyo's
    profile or one identifier (`email`, `phone_number`, `external_id`); Klaviyo creates a profile for an unknown
    identifier. A second identifier would be written to the profile that the first one finds (Klaviyo: update profile
    properties). Raises ValueError for another number of entries, and NotAccepted, with Dead or Conflict when this
    person is refused and Gone when no profile has that id, or no longer has it.
    """
    ((name, value),) = who.items()
    cleared: dict[str, Any] = {}
    for field in fields:
        outer, _, inner = field.rpartition(".")
        (cleared.setdefault(outer, {}) if outer else cleared)[inner] = None
    if name == "id":
        call(UPDATE_PROFILE, value, body=_document(cleared, id=value))
    else:
        _write(call, {name: value, **cleared})


def make_known(call: Caller, identifiers: Mapping[str, str]) -> None:
    """Make sure that Klaviyo has a profile with these identifiers; nothing else of an existing profile changes.

    Raises as `clear_fields` does.
    """
    _write(call, identifiers)


def attributes(call: Caller, email: str) -> dict[str, Any] | None:
    """Return the attributes of the profile with this address, or None when there is none. Raises NotAccepted."""
    document = call(PROFILES, query=query({"filter": equals("email", email)}))
    found = shape(PROFILES, document, _Found).data
    return found[0].attributes if found else None


class _Profile(msgspec.Struct, frozen=True):
    attributes: dict[str, Any]


class _Found(msgspec.Struct, frozen=True):
    data: list[_Profile]


def _write(call: Caller, attributes: Mapping[str, Any]) -> None:
    call(PROFILE_IMPORT, body=_document(attributes))


def _document(attributes: Mapping[str, Any], **more: str) -> bytes:
    return msgspec.json.encode({"data": {"type": "profile", **more, "attributes": attributes}})


def request_deletion(call: Caller, identifier: Identifier, value: str) -> bool:
    """Ask Klaviyo to erase the people with this identifier: True when it will, False when it knows nobody by it.

    Klaviyo takes one identifier a request and erases later, without a job to poll. Raises NotAccepted, with Dead when
    the identifier is malformed.
    """
    profile: dict[str, Any] = {"type": "profile", "attributes": {}}
    (profile if identifier == "id" else profile["attributes"])[identifier] = value
    document = {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": profile}}}
    try:
        call(DELETION, body=msgspec.json.encode({"data": document}))
    except NotAccepted as refusal:
        if not isinstance(refusal.outcome, Gone):
            raise
        return False
    return True
