from __future__ import annotations

from typing import Any

import pytest

from mappings.errors import Reason
from mappings.person import Attribute, Identity, Person
from mappings.profile import Profile, to_profile
from mappings.rules import Rules

_ALL_MAPPED = {
    "street2": "address2",
    "avatar": "image",
    "lat": "latitude",
    "lon": "longitude",
    "company": "organization",
    "origin": "source",
    "zone": "timezone",
    "job": "title",
}


def _profile(*attributes: Attribute, rules: Rules | None = None, klaviyo_names: bool = False) -> Profile:
    person = Person((Identity("email", "jane@example.com"),), attributes, klaviyo_names=klaviyo_names)
    return to_profile(person, rules or Rules())


def _expected(*warnings: Reason, **attributes: Any) -> Profile:
    return Profile({"email": "jane@example.com", **attributes}, warnings=warnings)


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("$firstname", {"first_name": "x"}),
        ("$FirstName", {"first_name": "x"}),
        ("$LASTNAME", {"last_name": "x"}),
        ("$Country", {"location": {"country": "x"}}),
        ("$zip", {"location": {"zip": "x"}}),
        ("$City", {"location": {"city": "x"}}),
        ("$state", {"location": {"region": "x"}}),
        ("$Address", {"location": {"address1": "x"}}),
        ("firstname", {"properties": {"firstname": "x"}}),
        ("first_name", {"properties": {"first_name": "x"}}),
        ("city", {"properties": {"city": "x"}}),
        ("$Mobile", {"properties": {"Mobile": "x"}}),
        ("$Age", {"properties": {"Age": "x"}}),
        ("$title", {"properties": {"title": "x"}}),
        ("plan", {"properties": {"plan": "x"}}),
        ("$plan", {"properties": {"plan": "x"}}),
        ("$$plan", {"properties": {"$plan": "x"}}),
        ("LevelReached", {"properties": {"LevelReached": "x"}}),
        ("a.b", {"properties": {"a.b": "x"}}),
    ],
)
def test_reserved_names_have_a_field_and_all_others_are_properties(key: str, sent: dict[str, Any]) -> None:
    assert _profile(Attribute(key, "x")) == _expected(**sent)


@pytest.mark.parametrize(
    ("key", "value", "sent"),
    [
        ("first_name", "x", {"first_name": "x"}),
        ("last_name", "x", {"last_name": "x"}),
        ("organization", "x", {"organization": "x"}),
        ("title", "x", {"title": "x"}),
        ("image", "https://example.com/x.png", {"image": "https://example.com/x.png"}),
        ("locale", "en_US", {"locale": "en-US"}),
        ("address1", "x", {"location": {"address1": "x"}}),
        ("address2", "x", {"location": {"address2": "x"}}),
        ("city", "x", {"location": {"city": "x"}}),
        ("country", "x", {"location": {"country": "x"}}),
        ("region", "x", {"location": {"region": "x"}}),
        ("zip", 33431, {"location": {"zip": "33431"}}),
        ("latitude", 26.3586, {"location": {"latitude": 26.3586}}),
        ("longitude", "-80.0831", {"location": {"longitude": -80.0831}}),
        ("timezone", "america/new_york", {"location": {"timezone": "America/New_York"}}),
        ("ip", "2001:DB8::1", {"location": {"ip": "2001:db8::1"}}),
        ("$City", "x", {"location": {"city": "x"}}),
        ("$city", "x", {"location": {"city": "x"}}),
        ("City", "x", {"properties": {"City": "x"}}),
        ("source", "x", {"properties": {"source": "x"}}),
        ("$title", "x", {"properties": {"title": "x"}}),
    ],
)
def test_a_sender_who_knows_klaviyo_names_its_fields_without_a_dollar(
    key: str, value: Any, sent: dict[str, Any]
) -> None:
    assert _profile(Attribute(key, value), klaviyo_names=True) == _expected(**sent)


@pytest.mark.parametrize(
    ("key", "value", "sent"),
    [
        ("street2", "x", {"location": {"address2": "x"}}),
        ("avatar", "x", {"image": "x"}),
        ("lat", "26.35861", {"location": {"latitude": 26.3586}}),
        ("lon", "-80.0831", {"location": {"longitude": -80.0831}}),
        ("company", "x", {"organization": "x"}),
        ("Company", "x", {"organization": "x"}),
        ("$company", "x", {"organization": "x"}),
        ("origin", "x", {"properties": {"source": "x"}}),
        ("zone", "UTC", {"location": {"timezone": "UTC"}}),
        ("job", "x", {"title": "x"}),
        ("title", "x", {"properties": {"title": "x"}}),
    ],
)
def test_the_property_mapping_leads_an_attribute_to_its_field(key: str, value: str, sent: dict[str, Any]) -> None:
    assert _profile(Attribute(key, value), rules=Rules(properties=_ALL_MAPPED)) == _expected(**sent)


def test_a_reserved_name_keeps_its_field_whatever_the_mapping_says() -> None:
    profile = _profile(Attribute("$City", "x"), Attribute("city", "y"), rules=Rules(properties={"city": "title"}))
    assert profile == _expected(title="y", location={"city": "x"})


@pytest.mark.parametrize(("value", "sent"), [(7, "7"), (1.5, "1.5"), ("O'Brian ", "O'Brian ")])
def test_standard_text_fields_are_text(value: object, sent: str) -> None:
    assert _profile(Attribute("$LastName", value)) == _expected(last_name=sent)


@pytest.mark.parametrize("value", ["", "  ", "\x00"])
def test_an_empty_text_is_left_out_of_a_standard_field(value: str) -> None:
    assert _profile(Attribute("$LastName", value)) == _expected()


@pytest.mark.parametrize("value", [True, ["a"], {"a": 1}])
def test_a_tag_list_or_object_is_no_standard_text(value: object) -> None:
    assert _profile(Attribute("$LastName", value)) == _expected(Reason.FIELD_INVALID)


@pytest.mark.parametrize(
    ("key", "value", "warning"),
    [
        ("latitude", "90.0001", Reason.LATITUDE_INVALID),
        ("latitude", "north", Reason.LATITUDE_INVALID),
        ("latitude", "nan", Reason.LATITUDE_INVALID),
        ("latitude", "1e1", Reason.LATITUDE_INVALID),
        ("latitude", True, Reason.LATITUDE_INVALID),
        ("latitude", [1], Reason.LATITUDE_INVALID),
        ("longitude", -180.5, Reason.LONGITUDE_INVALID),
        ("longitude", "181", Reason.LONGITUDE_INVALID),
        ("timezone", "Mars/Olympus", Reason.TIMEZONE_INVALID),
        ("timezone", "UTC+2", Reason.TIMEZONE_INVALID),
        ("timezone", "localtime", Reason.TIMEZONE_INVALID),
        ("timezone", 2, Reason.TIMEZONE_INVALID),
        ("locale", "English (US)", Reason.LOCALE_INVALID),
        ("locale", 1, Reason.LOCALE_INVALID),
        ("ip", "192.168.1.300", Reason.IP_INVALID),
        ("ip", 1, Reason.IP_INVALID),
        ("title", ["a"], Reason.FIELD_INVALID),
    ],
)
def test_a_field_that_does_not_hold_is_left_out_with_a_warning(key: str, value: object, warning: Reason) -> None:
    profile = _profile(Attribute(key, value), Attribute("first_name", "Jane"), klaviyo_names=True)
    assert profile == _expected(warning, first_name="Jane")


@pytest.mark.parametrize(
    ("value", "sent"),
    [("90", 90.0), (-90, -90), (" 12.34567 ", 12.3457), ("+1.5", 1.5), (0.00001, 0.0), ("-0.5", -0.5)],
)
def test_coordinates_are_numbers_of_at_most_four_decimals(value: object, sent: float) -> None:
    assert _profile(Attribute("latitude", value), klaviyo_names=True) == _expected(location={"latitude": sent})
