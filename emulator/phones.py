"""Which phone numbers Klaviyo takes, and which calls go on without one that it does not take."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import phonenumbers

#: The header of an answer to a call that went on without a phone number.
PARTIAL_FAILURE = ("X-Klaviyo-Partial-Failure", "phone_number")
REMEMBERED = 100_000

_E164 = re.compile(r"\+[1-9][0-9]{0,14}")


@lru_cache(maxsize=REMEMBERED)
def takes(number: str) -> bool:
    """Whether it is written as E.164 and can exist by the numbering plan of its country."""
    if not _E164.fullmatch(number):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def drop(row: object, identifiers: Iterable[str]) -> bool:
    """Take a number that is not taken out of an unchecked profile, if another of the identifiers is there; True: done.

    Since 2025 Klaviyo's calls to subscribe and to create a profile or an event do so, and name it in a header of the
    answer (Klaviyo's community, 18034); its imports are not said to, and refuse the number.
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
