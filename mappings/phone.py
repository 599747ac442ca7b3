"""Phone numbers as Klaviyo takes them: E.164, and valid by area and country code (mParticle: Klaviyo audience page)."""

from __future__ import annotations

import re
from typing import NamedTuple

import phonenumbers

from mappings.errors import Reason, Unfit

_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_CODE_LENGTHS = (1, 2, 3)


class Phones(NamedTuple):
    """A person's phone numbers in order of preference, and the alpha-2 region of those without a country code."""

    numbers: tuple[str, ...]
    region: str | None


def first_valid(phones: Phones) -> str:
    """The first valid number as E.164; raises Unfit(phone_invalid) when none is."""
    for number in phones.numbers:
        e164 = to_e164(number, phones.region)
        if e164 is not None:
            return e164
    raise Unfit(Reason.PHONE_INVALID)


def to_e164(number: str, region: str | None) -> str | None:
    """`number` as E.164, or None when it is not a valid number; `region` counts only without a country code."""
    if _E164.fullmatch(number):
        split = _split(number)
        if split is not None and phonenumbers.is_valid_number(split):
            return number
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _split(e164: str) -> phonenumbers.PhoneNumber | None:
    """Country code and national number without the library's parser, which costs as much as the validation.

    None for a leading zero after the code: it may be part of the number (Italy) or a slip (+44 0...), and only the
    parser knows which.
    """
    for length in _CODE_LENGTHS:
        code, national = int(e164[1 : length + 1]), e164[length + 1 :]
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            break
    else:
        return None
    return None if national.startswith("0") else phonenumbers.PhoneNumber(code, int(national))
