"""The numbering plans as phonenumbers' metadata describes them, read with fewer steps than the library takes.

For each number the library reads up to eleven descriptions of a region in turn. Here they become one pattern for each
length. The library is the truth: a test compares both over the examples of all regions.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final, NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata

# Without it the patterns of more than forty countries push each other out of Python's own cache of 512.
phonenumbers.enable_pattern_cache()

MEXICO: Final = 52
#: Digits of its numbers. Longer ones have a prefix.
_MEXICAN: Final = 10
#: The types of number in a region's metadata, those of most people first. The order decides nothing.
_TYPES: Final = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("voip", "personal_number", "pager", "uan", "voicemail"),
)
#: Country code and number of its digits, by the first three digits of a number. No code begins with another one.
_CODES: Final = {
    first: (code, length)
    for first in map(str, range(100, 1000))
    for length in (1, 2, 3)
    if (code := int(first[:length])) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
}
#: More digits than those of any number, which are left to the parser. The patterns are cached for each length.
_LONGEST: Final = 17
#: The pattern that no text matches.
_NOTHING: Final = "(?!)"
#: The pattern that each text begins with.
_ANYTHING: Final = re.compile("")


def apart(e164: str) -> tuple[int, str]:
    """Return country code and national number; the code is 0 if there is no such country.

    The library's parser is not used, because it takes as long as the validation.
    """
    code, length = _CODES.get(e164[1:4], (0, len(e164)))
    return code, e164[length + 1 :]


def is_usual(number: str) -> bool:
    """Return whether a number is in E.164 and valid, as nearly all are; of any other only the long way can tell."""
    code, _ = _CODES.get(number[1:4], (0, 0))
    return len(number) <= _LONGEST and _usual(code, len(number)).fullmatch(number) is not None


def is_valid(code: int, national: str) -> bool:
    """Return whether a number is valid, as `phonenumbers.is_valid_number` says. `national`: ASCII digits.

    Of several regions with one code, the first whose leading digits fit, or that has such a number, decides.
    """
    for leading, numbers in _regions(code, len(national)):
        if leading is None or leading.match(national):
            if numbers.fullmatch(national):
                return True
            if leading or not _beside(code).match(national):
                return False
    return False


def is_as_dialled(code: int, national: str) -> bool:
    """Return whether the parser would keep the number unchanged; it removes a prefix for calls within the country."""
    if code in (0, MEXICO):
        return len(national) == _MEXICAN
    prefix = _prefix(code)
    return prefix is None or not prefix.match(national)


def dialled_within(digits: str, region: str) -> str | None:
    """Return a number without a country code as E.164; None if it is not valid or only the parser can read it.

    `digits`: ASCII digits. Most numbers need two of the parser's steps: a prefix for calls within the country is
    removed, and what remains must be a number of the region.
    """
    home = _home(region) if len(digits) <= _LONGEST else None
    if home is None or home.left_to_parser.match(digits):
        return None
    national = digits
    if home.prefix and (found := home.prefix.match(digits)):
        national = digits[found.end() :]
        if home.changed or not home.general.fullmatch(national):
            return None
    return f"+{home.code}{national}" if is_valid(home.code, national) else None


def prepare() -> None:
    """Compile the patterns of mobile numbers of all regions: 0.2 s that would be spent number by number."""
    for region in phonenumbers.SUPPORTED_REGIONS:
        _home(region)
        number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        if number is not None and number.country_code:
            code, national = number.country_code, str(number.national_number)
            is_usual(f"+{code}{national}")
            is_valid(code, national)


class _Home(NamedTuple):
    """How a region writes its own numbers. `left_to_parser`: beginnings of a code for calls abroad or its own code.

    `prefix`: for calls within the country. `changed`: the prefix is not just removed. `general`: any number of the
    region.
    """

    code: int
    left_to_parser: re.Pattern[str]
    prefix: re.Pattern[str] | None
    changed: bool
    general: re.Pattern[str]


@cache
def _home(region: str) -> _Home | None:
    metadata: Any = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None or metadata.country_code == MEXICO:
        return None
    prefix = re.compile(metadata.national_prefix_for_parsing) if metadata.national_prefix_for_parsing else None
    changed = bool(metadata.national_prefix_transform_rule or (prefix and prefix.groups))
    abroad = re.compile(f"(?:{metadata.international_prefix})|{metadata.country_code}")
    lengths = "|".join(rf"\d{{{length}}}" for length in metadata.general_desc.possible_length)
    general = re.compile(rf"(?=(?:{lengths})\Z)(?:{metadata.general_desc.national_number_pattern})")
    return _Home(metadata.country_code, abroad, prefix, changed, general)


@cache
def _prefix(code: int) -> re.Pattern[str] | None:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, phonenumbers.region_code_for_country_code(code))
    pattern = metadata and metadata.national_prefix_for_parsing
    return re.compile(pattern) if pattern else None


def _metadata(code: int, region: str) -> Any:
    return PhoneMetadata.metadata_for_region_or_calling_code(code, region)


@cache
def _regions(code: int, digits: int) -> tuple[tuple[re.Pattern[str] | None, re.Pattern[str]], ...]:
    """Return the leading digits of each region with this code, None if any fit, and its numbers with so many digits."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    return tuple([(_leading(code, region), _numbers(code, region, digits)) for region in regions])


def _leading(code: int, region: str) -> re.Pattern[str] | None:
    digits = _metadata(code, region).leading_digits
    return None if digits is None else re.compile(digits)


@cache
def _beside(code: int) -> re.Pattern[str]:
    """Return the pattern of the leading digits of all regions with a code; some codes have twenty-five regions.

    Where none fits, no region but the one without leading digits has such a number.
    """
    every = [_leading(code, region) for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]]
    known = [leading.pattern for leading in every if leading]
    return re.compile("|".join(known) or _NOTHING) if len(known) >= len(every) - 1 else _ANYTHING


@cache
def _usual(code: int, characters: int) -> re.Pattern[str]:
    """Return the pattern of the E.164 numbers of a code's main region that the parser would keep unchanged."""
    digits = characters - len(f"+{code}")
    if code == 0 or (code == MEXICO and digits != _MEXICAN):
        return re.compile(_NOTHING)
    region = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0]
    if _leading(code, region):
        return re.compile(_NOTHING)
    prefix = None if code == MEXICO else _prefix(code)
    kept = f"(?!{prefix.pattern})" if prefix else ""
    return re.compile(rf"\+{code}{kept}{_pattern(code, region, digits)}", re.ASCII)


@cache
def _numbers(code: int, region: str, digits: int) -> re.Pattern[str]:
    """Return the pattern of a region's numbers with so many digits."""
    return re.compile(_pattern(code, region, digits))


def _pattern(code: int, region: str, digits: int) -> str:
    metadata = _metadata(code, region)
    general = _described(metadata.general_desc, digits)
    types = [found for name in _TYPES if (found := _described(getattr(metadata, name), digits))]
    return rf"(?=(?:{general})\Z)(?:{'|'.join(types)})" if general and types else _NOTHING


def _described(description: Any, digits: int) -> str:
    """Return the pattern of a type of number, empty if no number of it has so many digits."""
    if description is None or not description.national_number_pattern:
        return ""
    lengths = description.possible_length
    return "" if lengths and digits not in lengths else description.national_number_pattern
