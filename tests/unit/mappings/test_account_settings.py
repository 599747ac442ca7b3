from __future__ import annotations

import pytest

from mappings.account_settings import rules_from_mparticle
from mappings.rules import Rules

_BASE = Rules(
    alternate_identifier="other", phone_identifier="phone_number_2", default_country="DE", properties={"a": "title"}
)


@pytest.mark.parametrize("empty", [{}, {"alternateIdentifier": "", "phoneIdentifier": "  ", "defaultCountry": ""}])
def test_missing_and_empty_settings_leave_the_base_as_it_is(empty: dict[str, str]) -> None:
    assert rules_from_mparticle(empty, {"propertyMapping": ""}, _BASE) == _BASE


def test_settings_of_others_are_ignored() -> None:
    assert rules_from_mparticle({"apiKey": "pk_1"}, {"listId": "Y6nRLr"}, _BASE) == _BASE


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("None", None),
        ("none", None),
        ("Customer Id", "customer"),
        ("customer_id", "customer"),
        ("CUSTOMERID", "customer"),
        ("Other", "other"),
        ("Other2", "other2"),
        ("other 9", "other9"),
        ("Other_10", "other10"),
    ],
)
def test_the_alternate_identifier_is_read_in_any_spelling(text: str, identifier: str | None) -> None:
    assert rules_from_mparticle({"alternateIdentifier": text}, {}, _BASE).alternate_identifier == identifier


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("Mobile Number", "mobile_number"),
        ("mobile_number", "mobile_number"),
        ("Phone Number 2", "phone_number_2"),
        ("PhoneNumber3", "phone_number_3"),
    ],
)
def test_the_phone_identifier_is_read_in_any_spelling(text: str, identifier: str) -> None:
    assert rules_from_mparticle({"phoneIdentifier": text}, {}, _BASE).phone_identifier == identifier


@pytest.mark.parametrize(("text", "country"), [("US", "US"), ("usa", "US"), ("United Kingdom", "GB")])
def test_the_default_country_is_read_in_any_form(text: str, country: str) -> None:
    assert rules_from_mparticle({"defaultCountry": text}, {}, _BASE).default_country == country


def test_the_audience_has_its_own_property_mapping() -> None:
    rules = rules_from_mparticle({"propertyMapping": '{"b": "image"}'}, {"propertyMapping": '{"c": "source"}'}, _BASE)
    assert rules.properties == {"c": "source"}


@pytest.mark.parametrize(
    ("account", "audience", "allowed"),
    [
        (
            {"alternateIdentifier": "pk_secret"},
            {},
            "^alternateIdentifier.*None, Customer Id, Other, Other2 ... Other10",
        ),
        ({"alternateIdentifier": "Mobile Number"}, {}, "^alternateIdentifier"),
        ({"alternateIdentifier": "Other11"}, {}, "^alternateIdentifier"),
        ({"phoneIdentifier": "pk_secret"}, {}, "^phoneIdentifier.*Mobile Number, Phone Number 2, Phone Number 3"),
        ({"phoneIdentifier": "None"}, {}, "^phoneIdentifier"),
        ({"phoneIdentifier": "Customer Id"}, {}, "^phoneIdentifier"),
        ({"defaultCountry": "pk_secret"}, {}, "^defaultCountry.*US"),
        ({}, {"propertyMapping": "pk_secret"}, "^propertyMapping.*JSON"),
        ({}, {"propertyMapping": '{"a": "b"}'}, "^propertyMapping.*entry 1.*address2"),
    ],
)
def test_a_wrong_setting_is_refused_naming_it_and_what_it_may_be(
    account: dict[str, str], audience: dict[str, str], allowed: str
) -> None:
    with pytest.raises(ValueError, match=allowed) as caught:
        rules_from_mparticle(account, audience, _BASE)
    assert "pk_secret" not in str(caught.value)
