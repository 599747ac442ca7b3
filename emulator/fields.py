"""Checks the values of a profile's fields as Klaviyo does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from emulator import phones

MAX_ARRAY_ITEMS = 4_000
MAX_NESTING = 10

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]")

Finding = tuple[str, str]
FINE: tuple[Finding, ...] = ()


def _email(value: object) -> Iterable[Finding]:
    return FINE if isinstance(value, str) and _EMAIL.fullmatch(value) else (("", "Invalid email address"),)


def _phone(value: object) -> Iterable[Finding]:
    if isinstance(value, str) and phones.takes(value):
        return FINE
    return (("", "Invalid phone number format (Example of a valid format: +12345678901)"),)


def text(value: object) -> Iterable[Finding]:
    """Check for a string."""
    return FINE if isinstance(value, str) else (("", "Not a valid string."),)


def _coordinate(value: object) -> Iterable[Finding]:
    fine = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return FINE if fine else (("", "Not a valid string or number."),)


def _location(value: object) -> Iterable[Finding]:
    if not isinstance(value, dict):
        return (("", "Not a valid object."),)
    return findings(value, LOCATION, "location")


def properties(value: object) -> Iterable[Finding]:
    """Check for an object within the ingestion limits."""
    if not isinstance(value, dict):
        return (("", "Not a valid object."),)
    nested = ((name, _depth_fault(item)) for name, item in value.items() if isinstance(item, (list, dict)))
    return [(f"/{name}", fault) for name, fault in nested if fault]


def _depth_fault(value: list[Any] | dict[str, Any], depth: int = 1) -> str:
    """Return the violated ingestion limit of Klaviyo (arrays of 4,000 items, 10 levels), or an empty text."""
    if depth > MAX_NESTING:
        return f"Nested deeper than {MAX_NESTING} levels."
    if isinstance(value, list) and len(value) > MAX_ARRAY_ITEMS:
        return f"More than {MAX_ARRAY_ITEMS} items in an array."
    inner = value.values() if isinstance(value, dict) else value
    faults = (_depth_fault(item, depth + 1) for item in inner if isinstance(item, (list, dict)))
    return next((fault for fault in faults if fault), "")


Checks = dict[str, Callable[[object], Iterable[Finding]]]
LOCATION: Checks = {
    **dict.fromkeys(("address1", "address2", "city", "country", "region", "zip", "timezone", "ip"), text),
    **dict.fromkeys(("latitude", "longitude"), _coordinate),
}
ATTRIBUTES: Checks = {
    "email": _email,
    "phone_number": _phone,
    **dict.fromkeys(("external_id", "first_name", "last_name", "organization", "locale", "title", "image"), text),
    "location": _location,
    "properties": properties,
}
WITH_KX: Checks = {**ATTRIBUTES, "_kx": text}


def findings(attributes: dict[str, Any], checks: Checks, kind: str) -> Sequence[Finding]:
    """Return (place, problem) of every unknown field and every refused value; null is always accepted."""
    found: list[Finding] = []
    for name, value in attributes.items():
        check = checks.get(name)
        if check is None:
            found.append((f"/{name}", unknown(name, kind)))
        elif value is not None:
            for suffix, fault in check(value):
                found.append((f"/{name}{suffix}", fault))
    return found


def unknown(name: str, kind: str) -> str:
    """Return Klaviyo's message for an unknown field."""
    return f"'{name}' is not a valid field for the resource '{kind}'."
