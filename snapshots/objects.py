"""Read custom properties that come as one JSON object, from a column or beside the other names of a member."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mappings import json_limits
from mappings.errors import Reason
from mappings.fields import STANDARD
from mappings.json_limits import LimitExceeded
from snapshots.report import ReadReport
from text.json_names import twice

_COLUMN: Final = "properties"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def properties_of(value: object, report: ReadReport) -> dict[str, Any] | None:
    """Return the properties in a value of the column `properties`; None for nothing.

    A value that is not an object is left out and counted, and so is a property with the name of a field of Klaviyo's:
    under that name Ferry would fill the field.
    """
    if value in (None, "") or (isinstance(value, str) and value.isspace()):
        return None
    found = _object(value) if isinstance(value, str) else value
    if not isinstance(found, dict) or len(found) > json_limits.NAMES:
        report.leave_out(_COLUMN, Reason.PROPERTIES_INVALID)
        return None
    for name in found.keys() & STANDARD:
        report.leave_out(f"{_COLUMN}.{name}", Reason.ATTRIBUTE_SHADOWED)
    return {name: value for name, value in found.items() if name not in STANDARD}


def _object(text: str) -> dict[str, Any] | None:
    raw = text.encode()
    try:
        json_limits.check(raw)
        found = _decode(raw)
        return None if twice(raw) else found
    except (LimitExceeded, msgspec.MsgspecError, RecursionError):
        return None
