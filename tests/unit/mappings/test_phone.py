from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mappings.errors import Reason, Unfit
from mappings.phone import Phones, comparable, first_valid, region_of, to_e164

_E164 = phonenumbers.PhoneNumberFormat.E164


@pytest.mark.parametrize(
    ("number", "region", "e164"),
    [
        ("+12125560100", None, "+12125560100"),
        ("+1 (212) 556-0100", None, "+12125560100"),
        ("(212) 556-0100", "US", "+12125560100"),
        ("8448309222", "IN", "+918448309222"),
        ("0151 12345678", "DE", "+4915112345678"),
        ("+44 (0) 7912 345678", None, "+447912345678"),
        ("+4407912345678", None, "+447912345678"),
        ("+390612345678", None, "+390612345678"),
        ("06 12345678", "IT", "+390612345678"),
        ("+4915112345678", "US", "+4915112345678"),
        ("0012125560100", "DE", "+12125560100"),
        ("+80012345678", None, "+80012345678"),
    ],
)
def test_a_valid_number_becomes_e164(number: str, region: str | None, e164: str) -> None:
    assert to_e164(number, region) == e164


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("(212) 556-0100", None),
        ("0012125560100", None),
        ("0012125560100", "US"),
        ("+1212556010", None),
        ("+99912345678", None),
        ("+19995560100", None),
        ("5560100", "US"),
        ("+", None),
        ("", "US"),
        ("invalid-phone-number", "US"),
        ("2125560100", "XX"),
        ("9" * 300, "US"),
        ("\ud800", "US"),
    ],
)
def test_a_number_without_a_valid_area_and_country_is_none(number: str, region: str | None) -> None:
    assert to_e164(number, region) is None


def test_the_first_valid_number_is_taken() -> None:
    assert first_valid(Phones(("123", "2125560100", "+4915112345678"), "US")) == "+12125560100"


def test_no_valid_number_among_several_is_unfit() -> None:
    with pytest.raises(Unfit) as caught:
        first_valid(Phones(("123", "+1"), "US"))
    assert caught.value.reason is Reason.PHONE_INVALID


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+5215541637145", None),
        ("+52 1 55 4163 7145", None),
        ("+52 1 (55) 4163-7145", "US"),
        ("011 52 1 55 4163 7145", "US"),
        ("5215541637145", "MX"),
        ("044 55 4163 7145", "MX"),
        ("0445541637145", "MX"),
        ("(045) 55 4163 7145", "MX"),
        ("55 4163 7145", "MX"),
        ("+525541637145", None),
    ],
)
def test_a_mexican_mobile_number_is_read_with_and_without_what_once_stood_before_it(
    number: str, region: str | None
) -> None:
    assert to_e164(number, region) == comparable(number, region) == "+525541637145"


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+521554163714", None),
        ("+52155416371455", None),
        ("+5220445541637145", None),
        ("+5210541637145", None),
        ("1 55 4163 7145", "MX"),
        ("046 55 4163 7145", "MX"),
        ("044 55 4163 7145", "AR"),
        ("044 55 4163 7145", None),
        ("+521 00 1163 7145", None),
    ],
)
def test_what_only_looks_like_a_mexican_mobile_number_is_none(number: str, region: str | None) -> None:
    assert to_e164(number, region) is None


@pytest.mark.parametrize(
    ("number", "region", "e164"),
    [
        ("+54 9 11 2345-6789", None, "+5491123456789"),
        ("011 15-2345-6789", "AR", "+5491123456789"),
        ("+54 11 15 2345-6789", None, "+5491123456789"),
        ("9 11 2345 6789", "AR", "+5491123456789"),
        ("011 2345-6789", "AR", "+541123456789"),
        ("+54 11 2345-6789", None, "+541123456789"),
    ],
)
def test_a_mobile_number_of_argentina_is_what_the_library_says(number: str, region: str | None, e164: str) -> None:
    assert to_e164(number, region) == comparable(number, region) == e164


@pytest.mark.parametrize(
    ("number", "region", "e164"),
    [
        ("+12125560100", None, "+12125560100"),
        (" +1 (212) 556-0100\n", None, "+12125560100"),
        ("+1.212.556.0100", "DE", "+12125560100"),
        ("(212) 556-0100", "US", "+12125560100"),
        ("+44 (0) 7912 345678", None, "+447912345678"),
        ("+390612345678", None, "+390612345678"),
        ("+7 8 912 345 67 89", None, "+79123456789"),
        ("+1 212 556 0100 ext. 5", None, "+12125560100"),
        ("+1-800-FLOWERS", None, "+18003569377"),
        ("+12125", None, "+12125"),
        ("5560100", "US", "+15560100"),
        ("(212) 556-0100", None, None),
        ("(212) 556-0100", "XX", None),
        ("+999123456789", None, None),
        ("+", None, None),
        ("unknown", "US", None),
        ("", "US", None),
        ("9" * 300, "US", None),
        ("\ud800", "US", None),
    ],
)
def test_people_are_compared_by_e164_valid_or_not(number: str, region: str | None, e164: str | None) -> None:
    assert comparable(number, region) == e164


@pytest.mark.parametrize(
    ("country", "default", "region"),
    [
        ("Germany", "US", "DE"),
        ("usa", None, "US"),
        (" ", "US", "US"),
        ("", None, None),
        (None, "US", "US"),
        ("Atlantis", "US", None),
        (49, "US", None),
        ("GS", None, "FK"),
        ("United States Minor Outlying Islands", "DE", "US"),
    ],
)
def test_a_phone_is_read_by_the_country_that_is_named(country: object, default: str | None, region: str | None) -> None:
    assert region_of(country, default) == region


def _by_the_library(number: str, region: str | None = None, *, checked: bool = True) -> str | None:
    """With the one rule that the library has not."""
    number = re.sub(r"^\+521(?=[1-9]\d{9}$)", "+52", number)
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    valid = not checked or phonenumbers.is_valid_number(parsed)
    return phonenumbers.format_number(parsed, _E164) if valid else None


_NUMBERS = [
    (example, region)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in phonenumbers.PhoneNumberType.values()
    if (example := phonenumbers.example_number_for_type(region, kind)) is not None
]
_EXAMPLES = sorted({phonenumbers.format_number(example, _E164) for example, _ in _NUMBERS})


def test_the_short_way_agrees_with_the_library_on_an_example_of_each_kind_in_each_region() -> None:
    assert len(_EXAMPLES) > 900
    assert [to_e164(number, None) for number in _EXAMPLES] == _EXAMPLES


@st.composite
def _like_the_examples(draw: st.DrawFn) -> str:
    example = draw(st.sampled_from(_EXAMPLES))
    kept = draw(st.integers(min_value=2, max_value=len(example)))
    return example[:kept] + draw(st.text("0123456789", max_size=len(example) - kept + 1))


@given(_like_the_examples())
def test_the_short_way_agrees_with_the_library_on_numbers_like_the_examples(number: str) -> None:
    assert to_e164(number, None) == _by_the_library(number)


@given(_like_the_examples())
def test_the_short_way_to_compare_agrees_with_the_library_on_numbers_like_the_examples(number: str) -> None:
    assert comparable(number, None) == _by_the_library(number, checked=False)


@pytest.mark.parametrize("form", ["E164", "INTERNATIONAL", "NATIONAL", "RFC3966"])
def test_valid_numbers_are_compared_by_what_is_sent_however_they_are_written(form: str) -> None:
    compared = 0
    for example, region in _NUMBERS:
        written = phonenumbers.format_number(example, getattr(phonenumbers.PhoneNumberFormat, form))
        for home in (region, None):
            if (sent := to_e164(written, home)) is not None:
                assert comparable(written, home) == sent
                compared += 1
    assert compared >= len(_NUMBERS)


@given(st.sampled_from(_NUMBERS), st.data())
def test_signs_between_the_digits_make_no_other_number(
    number: tuple[phonenumbers.PhoneNumber, str], data: st.DataObject
) -> None:
    digits = phonenumbers.format_number(number[0], _E164)
    signs = data.draw(st.lists(st.sampled_from(["", " ", "-", ".", " ("]), min_size=len(digits), max_size=len(digits)))
    written = "".join(digit + sign for digit, sign in zip(digits, signs, strict=True))
    assume(not re.fullmatch(r"\+\d+\.0+\s*", written))
    assert comparable(written, None) == digits


@pytest.mark.parametrize("written", ["4155552671.0", "+14155552671.0", " 4155552671.00 "])
def test_a_number_that_a_program_wrote_as_a_fraction_has_no_further_zero(written: str) -> None:
    assert to_e164(written, "US") == comparable(written, "US") == "+14155552671"
    assert to_e164("030 901820.0", "DE") == "+49309018200", "a separator of a number that has others"
