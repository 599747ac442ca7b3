"""Checks phone numbers as Klaviyo does."""

from __future__ import annotations

import re
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


def region(number: str) -> str | None:
    """Return the country of a valid number, such as US."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(number))
