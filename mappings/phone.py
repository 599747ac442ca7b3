"""Normalises and validates phone numbers as Klaviyo takes them.

Klaviyo takes E.164 numbers that are valid by area and country code (mParticle: Klaviyo audience page).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import CountryCodeSource, PhoneMetadata, PhoneNumber

from mappings import country
from mappings.errors import Reason, Unfit

_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_CODE_LENGTHS = (1, 2, 3)
#: A number that begins with a country code and may contain separators.
_INTERNATIONAL: Final = re.compile(r"\s*\+[\d\s().-]+", re.ASCII)
_SIGNS: Final = str.maketrans("", "", " ().-\t\r\n\f\v")
_MEXICO: Final = 52
#: The prefixes that Mexican mobile numbers (ten digits) had until 2019, for calls from abroad and from within the
#: country. Address books still contain them, and the library considers such numbers invalid.
_FROM_ABROAD: Final = re.compile(r"1([1-9]\d{9})", re.ASCII)
_FROM_WITHIN: Final = re.compile(r"04[45]([1-9]\d{9})", re.ASCII)
#: Territories without their own numbering plan, and the region whose plan they use (ITU: E.164 codes).
_PLANS: Final = {"AQ": "NF", "BV": "NO", "GS": "FK", "HM": "NF", "PN": "NZ", "TF": "RE", "UM": "US"}


class Phones(NamedTuple):
    """A person's phone numbers in order of preference, and the alpha-2 region for numbers without a country code."""

    numbers: tuple[str, ...]
    region: str | None


def first_valid(phones: Phones) -> str:
    """Return the first valid number as E.164; raises Unfit(phone_invalid) when there is none."""
    for number in phones.numbers:
        e164 = to_e164(number, phones.region)
        if e164 is not None:
            return e164
    raise Unfit(Reason.PHONE_INVALID)


def region_of(name: object, default: str | None) -> str | None:
    """Return the alpha-2 region for reading the phone numbers of a person in that country; `default` without a country.

    An unknown country gives None: by the wrong numbering plan, the number would be another person's.
    """
    named = name.strip() if isinstance(name, str) else name
    if not named:
        return default
    region = country.alpha2(named)
    return _PLANS.get(region, region) if region else None


def to_e164(number: str, region: str | None) -> str | None:
    """Return `number` as E.164, or None if it is not valid; `region` applies only to numbers without a country code."""
    if _E164.fullmatch(number):
        code, national = _apart(number)
        # A leading zero may be part of the number (Italy) or a mistake (+44 0...); only the parser can decide.
        if code and not national.startswith("0") and phonenumbers.is_valid_number(PhoneNumber(code, int(national))):
            return number
    try:
        parsed = _parsed(number, region)
    except phonenumbers.NumberParseException:
        return None
    return _written(parsed) if phonenumbers.is_valid_number(parsed) else None


def comparable(number: str, region: str | None) -> str | None:
    """Return the form for comparing the phone numbers of two people: the result of `to_e164` if `number` is valid.

    It is not validated, because that takes longer than all other steps of the intake. None if it is not a number, or if
    it has no country code and there is no `region`.
    """
    if _INTERNATIONAL.fullmatch(number):
        e164 = number.translate(_SIGNS)
        if _E164.fullmatch(e164) and _is_as_dialled(*_apart(e164)):
            return e164
    try:
        return _written(_parsed(number, region))
    except phonenumbers.NumberParseException:
        return None


def _parsed(number: str, region: str | None) -> PhoneNumber:
    """Parse a number. Raises phonenumbers.NumberParseException."""
    parsed = phonenumbers.parse(number, region, keep_raw_input=True)
    if parsed.country_code != _MEXICO:
        return parsed
    # Without a country code, a leading 1 is more likely the code of the United States.
    at_home = parsed.country_code_source == CountryCodeSource.FROM_DEFAULT_COUNTRY
    national = phonenumbers.national_significant_number(parsed)
    mobile = (_FROM_WITHIN if at_home else _FROM_ABROAD).fullmatch(national)
    return PhoneNumber(_MEXICO, int(mobile[1])) if mobile else parsed


def _written(parsed: PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _apart(e164: str) -> tuple[int, str]:
    """Return country code and national number; the code is 0 if there is no such country.

    The library's parser is not used, because it takes as long as the validation.
    """
    for length in _CODE_LENGTHS:
        code = int(e164[1 : length + 1])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return code, e164[length + 1 :]
    return 0, ""


def _is_as_dialled(code: int, national: str) -> bool:
    """Return whether the parser would keep the number unchanged; it removes a prefix for calls within the country."""
    if code in (0, _MEXICO):
        return len(national) == 10
    prefix = _prefix(code)
    return prefix is None or not prefix.match(national)


@cache
def _prefix(code: int) -> re.Pattern[str] | None:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, phonenumbers.region_code_for_country_code(code))
    pattern = metadata and metadata.national_prefix_for_parsing
    return re.compile(pattern) if pattern else None
