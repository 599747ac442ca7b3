from __future__ import annotations

from importlib.resources import files

import phonenumbers
import pytest

from mappings.phone import COUNTRIES, alpha2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("US", "US"),
        ("us", "US"),
        ("USA", "US"),
        ("u.s.a.", "US"),
        ("United States", "US"),
        ("UNITED STATES OF AMERICA", "US"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Great Britain", "GB"),
        ("DEU", "DE"),
        (" germany ", "DE"),
        ("South Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("North Korea", "KP"),
        ("Czech Republic", "CZ"),
        ("Czechia", "CZ"),
        ("Netherlands", "NL"),
        ("The Netherlands", "NL"),
        ("Côte d'Ivoire", "CI"),
        ("ivory coast", "CI"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Russia", "RU"),
        ("St. Lucia", "LC"),
        ("Guinea Bissau", "GW"),
        ("Bosnia-and-Herzegovina", "BA"),
        ("AND", "AD"),
        ("Congo", "CG"),
        ("DR Congo", "CD"),
        ("Kosovo", "XK"),
        ("XKX", "XK"),
    ],
)
def test_codes_and_english_names_in_any_case_are_countries(text: str, code: str) -> None:
    assert alpha2(text) == code


@pytest.mark.parametrize(
    "text", ["", "  ", "123", "XX", "XXX", "Atlantis", "the", "of the", "New York", "中国", None, 1]
)
def test_what_is_no_country_is_none(text: object) -> None:
    assert alpha2(text) is None


def test_every_country_of_the_time_zone_database_is_known_by_its_code() -> None:
    lines = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8").splitlines()
    codes = [line.split("\t")[0] for line in lines if line and not line.startswith("#")]
    assert len(codes) == 249
    assert [alpha2(code) for code in codes] == codes


def test_every_region_with_phone_numbers_is_a_country() -> None:
    without_iso_code = {"AC", "TA"}  # Ascension and Tristan da Cunha, parts of SH
    assert {code for code in phonenumbers.SUPPORTED_REGIONS if alpha2(code) != code} == without_iso_code


def test_no_code_or_name_means_two_countries() -> None:
    for entry in COUNTRIES.split(";"):
        code, alpha3, names = entry.split(maxsplit=2)
        assert [alpha2(name) for name in (code, alpha3, *names.split("|"))] == [code] * (3 + names.count("|"))
