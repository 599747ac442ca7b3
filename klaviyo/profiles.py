"""One person at a time, for what a bulk import cannot do (Klaviyo: create or update profile)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.endpoints import PROFILE_IMPORT, PROFILES
from klaviyo.filters import equals, query


def clear_fields(call: Caller, identifiers: Mapping[str, str], fields: Sequence[str]) -> None:
    """Empty standard fields of a profile, such as `first_name` or `location.region`.

    Here a null clears; in a bulk import it changes nothing. `identifiers`: by what Klaviyo knows the person (`email`,
    `phone_number`, `external_id`). Raises NotAccepted, with Dead or Conflict when this person is refused.
    """
    attributes: dict[str, Any] = dict(identifiers)
    for field in fields:
        outer, _, inner = field.rpartition(".")
        (attributes.setdefault(outer, {}) if outer else attributes)[inner] = None
    _write(call, attributes)


def make_known(call: Caller, identifiers: Mapping[str, str]) -> None:
    """See that Klaviyo has a profile with these identifiers; of one that it has, nothing else changes.

    Raises as `clear_fields` does.
    """
    _write(call, identifiers)


def attributes(call: Caller, email: str) -> dict[str, Any] | None:
    """What Klaviyo knows of the person with this address; None: it knows nobody by it. Raises NotAccepted."""
    document = call(PROFILES, query=query({"filter": equals("email", email)}))
    found = shape(PROFILES, document, _Found).data
    return found[0].attributes if found else None


class _Profile(msgspec.Struct, frozen=True):
    attributes: dict[str, Any]


class _Found(msgspec.Struct, frozen=True):
    data: list[_Profile]


def _write(call: Caller, attributes: Mapping[str, Any]) -> None:
    call(PROFILE_IMPORT, body=msgspec.json.encode({"data": {"type": "profile", "attributes": attributes}}))
