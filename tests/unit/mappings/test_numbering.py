"""phonenumbers is the truth: the short ways give its answers, for the examples of all regions and numbers like them.

`make phones` compares two million numbers.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from mappings import numbering
from mappings.phone import to_e164

_COUNT = int(os.environ.get("FERRY_PHONES", "50000"))
_DIGITS = "0123456789"
_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_EXAMPLES = [
    (example, region)
    for region in _REGIONS
    for kind in PhoneNumberType.values()
    if (example := phonenumbers.example_number_for_type(region, kind)) is not None
]
_WORLD = [example for code in _CODES if (example := phonenumbers.example_number_for_non_geo_entity(code)) is not None]


def _changed(digits: str, chance: random.Random) -> str:
    """Return digits that differ in one to three places, or have one more or less."""
    made = [*digits]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        made[chance.randrange(len(made))] = chance.choice(_DIGITS)
    if chance.random() < 0.1:
        made.insert(chance.randrange(len(made)), chance.choice(_DIGITS))
    if chance.random() < 0.1:
        del made[chance.randrange(len(made))]
    return "".join(made)


def _numbers(count: int) -> Iterator[tuple[int, str]]:
    """Yield calling codes with national numbers: the examples, numbers like them, and random ones."""
    chance = random.Random(count)  # the same numbers in each run
    examples = [example for example, _ in _EXAMPLES] + _WORLD
    known = [(each.country_code or 0, phonenumbers.national_significant_number(each)) for each in examples]
    yield from known
    for _ in range(count * 4 // 5):
        code, national = chance.choice(known)
        yield code, _changed(national, chance)
    for _ in range(count // 5):
        yield chance.choice(_CODES), "".join(chance.choices(_DIGITS, k=chance.randint(4, 13)))


def _by_the_library(number: str, region: str | None) -> str | None:
    """With the one rule that the library has not: the old prefix of Mexican mobile numbers."""
    number = re.sub(r"^\+521(?=[1-9]\d{9}$)", "+52", number)
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def test_a_number_is_valid_if_it_is_for_the_library() -> None:
    valid = 0
    for code, national in _numbers(_COUNT):
        if national.startswith("0"):
            zeros = min(len(national) - len(national.lstrip("0")), len(national) - 1)
            number = phonenumbers.PhoneNumber(
                code, int(national), italian_leading_zero=True, number_of_leading_zeros=zeros
            )
        else:
            number = phonenumbers.PhoneNumber(code, int(national))
        expected = phonenumbers.is_valid_number(number)
        valid += expected
        assert numbering.is_valid(code, national) == expected, (code, national)
    assert valid > _COUNT // 4


def test_a_number_with_its_country_code_is_read_as_by_the_library() -> None:
    for code, national in _numbers(_COUNT // 10):
        number = f"+{code}{national}"
        assert to_e164(number, None) == _by_the_library(number, None), number


def test_a_number_that_is_usual_is_the_one_that_the_library_makes_of_it() -> None:
    usual = 0
    for code, national in _numbers(_COUNT):
        number = f"+{code}{national}"
        if numbering.is_usual(number):
            usual += 1
            assert _by_the_library(number, None) == number
    assert usual > _COUNT // 5


@pytest.mark.parametrize(
    "text",
    ["", "+", "+1", "14155552671", "+1 4155552671", "+1415555267", "+49015123456789", "+999123456789", "+1" * 99],
)
def test_no_other_text_is_a_usual_number(text: str) -> None:
    assert not numbering.is_usual(text)
    assert not numbering.is_usual("+1415555267\u0661")


def test_a_number_written_at_home_is_read_as_by_the_library() -> None:
    chance = random.Random(_COUNT)  # the same numbers in each run
    short = 0
    for _ in range(_COUNT // 10):
        example, region = chance.choice(_EXAMPLES)
        if region == "MX":
            continue
        national = phonenumbers.national_significant_number(example)
        digits = _changed(national, chance) if chance.random() < 0.7 else national
        begin = chance.choice(("", "", "0", "1", "8", "00", "011", str(example.country_code)))
        number = begin + digits if chance.random() < 0.5 else phonenumbers.format_number(example, 2)
        short += numbering.dialled_within(re.sub(r"\D", "", number), region) is not None
        assert to_e164(number, region) == _by_the_library(number, region), (number, region)
    assert short > _COUNT // 50


def test_more_digits_than_a_number_can_have_leave_nothing_in_memory() -> None:
    before = numbering._numbers.cache_info().currsize
    assert {to_e164("2" * length, "DE") for length in range(18, 90)} == {None}
    assert numbering._numbers.cache_info().currsize == before


@pytest.mark.parametrize("number", ["+15555555555", "+1 555 555 5555", "+10000000000"])
def test_a_number_that_stands_for_none_is_refused_without_the_parser(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phonenumbers, "parse", None)
    assert to_e164(number, "US") is None
