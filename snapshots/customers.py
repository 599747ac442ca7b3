"""A customer of a body in any format, as the columns of a row describe one.

A column may have custom properties as one JSON object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from mappings import json_limits
from mappings.columns import ColumnPlaces
from mappings.errors import Reason
from mappings.fields import STANDARD
from mappings.json_limits import LimitExceeded
from snapshots.report import ReadReport
from text.json_names import twice

_COLUMN: Final = "properties"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Described(NamedTuple):
    """A customer of the body, unchecked. `known`: identifiers by Klaviyo's names; the e-mail may be a list.

    `customer`: the sender's id of the customer, if it is not the external id. `missing`: the reason to give when the
    customer has no identifier. `properties`: custom properties that came as one object.
    """

    number: int
    known: dict[str, Any]
    attributes: dict[str, Any]
    customer: str = ""
    missing: str = "identity_missing"
    properties: dict[str, Any] | None = None


def describe(number: int, values: Sequence[Any], places: ColumnPlaces, report: ReadReport) -> Described:
    """Return the customer of a row. `values`: those of all columns; `number`: of the row, from 1."""
    identifiers, attributes, properties = places
    return Described(
        number,
        {name: values[place] for place, name in identifiers},
        {name: values[place] for place, name in attributes},
        properties=_properties(values[properties[0]], report) if properties else None,
    )


def _properties(value: object, report: ReadReport) -> dict[str, Any] | None:
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
