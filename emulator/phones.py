"""Checks phone numbers as Klaviyo does, and drops invalid ones where Klaviyo's calls continue without them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import phonenumbers

#: The response header of a call that continued without the phone number.
PARTIAL_FAILURE = ("X-Klaviyo-Partial-Failure", "phone_number")
REMEMBERED = 100_000

_E164 = re.compile(r"\+[1-9][0-9]{0,14}")


@lru_cache(maxsize=REMEMBERED)
def takes(number: str) -> bool:
    """Return whether the number is in E.164 and valid by the numbering plan of its country."""
    if not _E164.fullmatch(number):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def drop(row: object, identifiers: Iterable[str]) -> bool:
    """Remove an invalid number from an unchecked profile that has another of the identifiers; return whether it did.

    Since 2025, Klaviyo's calls to subscribe and to create a profile or an event do this and report it in a response
    header (Klaviyo's community, 18034); imports are not documented to do so, and refuse the number here.
    """
    attributes = row.get("attributes") if isinstance(row, dict) else None
    number = attributes.get("phone_number") if isinstance(attributes, dict) else None
    if not isinstance(row, dict) or not isinstance(attributes, dict) or not isinstance(number, str) or takes(number):
        return False
    given = {**attributes, "id": row.get("id")}
    if not any(given.get(name) for name in ("id", *identifiers) if name != "phone_number"):
        return False
    del attributes["phone_number"]
    return True
