"""One person at a time, for what a bulk import cannot do (Klaviyo: create or update profile)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from klaviyo.calls import Caller
from klaviyo.endpoints import PROFILE_IMPORT


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


def _write(call: Caller, attributes: Mapping[str, Any]) -> None:
    call(PROFILE_IMPORT, body=msgspec.json.encode({"data": {"type": "profile", "attributes": attributes}}))
