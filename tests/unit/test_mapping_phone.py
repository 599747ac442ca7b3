from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import Reason, Unfit
from mappings.phone import Phones, first_valid, to_e164

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


def _by_the_library(number: str) -> str | None:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(parsed, _E164) if phonenumbers.is_valid_number(parsed) else None


_EXAMPLES = sorted(
    {
        phonenumbers.format_number(example, _E164)
        for region in phonenumbers.SUPPORTED_REGIONS
        for kind in phonenumbers.PhoneNumberType.values()
        if (example := phonenumbers.example_number_for_type(region, kind)) is not None
    }
)


def test_the_short_way_agrees_with_the_library_on_an_example_of_each_kind_in_each_region() -> None:
    assert len(_EXAMPLES) > 900
    assert [to_e164(number, None) for number in _EXAMPLES] == _EXAMPLES


@given(st.sampled_from(_EXAMPLES), st.data())
def test_the_short_way_agrees_with_the_library_on_numbers_like_the_examples(example: str, data: st.DataObject) -> None:
    kept = data.draw(st.integers(min_value=2, max_value=len(example)))
    number = example[:kept] + data.draw(st.text("0123456789", max_size=len(example) - kept + 1))
    assert to_e164(number, None) == _by_the_library(number)
