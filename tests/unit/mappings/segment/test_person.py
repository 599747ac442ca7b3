from __future__ import annotations

from typing import Any

import orjson
import pytest

from mappings.errors import Rejected
from mappings.profile import Profile, to_profile
from mappings.rules import Rules
from mappings.sources import read


def _profile(person: dict[str, Any], rules: Rules | None = None) -> Profile:
    return to_profile(read("segment", orjson.dumps(person)), rules or Rules())


def test_every_field_finds_its_place_in_klaviyos_profile() -> None:
    location = {"address1": "1 Road", "city": "Oslo", "region": "X", "zip": "0150", "country": "Norway"}
    person = {
        "email": "ann@example.com",
        "phone_number": "+4722123456",
        "external_id": "u-17",
        "first_name": "Ann",
        "last_name": "Lee",
        "organization": "ACME",
        "title": "Dr",
        "image": "https://x/y.png",
        "location": location | {"latitude": 59.91, "longitude": "10.75", "timezone": "Europe/Oslo", "ip": "10.0.0.1"},
        "properties": {"plan": "gold", "sizes": [1, 2]},
    }
    expected = person | {
        "location": location | {"latitude": 59.91, "longitude": 10.75, "timezone": "Europe/Oslo", "ip": "10.0.0.1"}
    }
    profile = _profile(person)
    assert profile.attributes == expected
    assert profile.warnings == ()


@pytest.mark.parametrize(
    ("number", "code", "e164"),
    [
        ("8448309222", "IN", "+918448309222"),
        (8448309222, "in", "+918448309222"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("0912 345 678", "TW", "+886912345678"),
        ("+447911123456", "US", "+447911123456"),
        ("+44 7911 123456", "US", "+447911123456"),
        ("+14155552671", "nowhere", "+14155552671"),
    ],
)
def test_a_phone_is_read_by_its_country_code(number: str | int, code: str, e164: str) -> None:
    assert _profile({"phone_number": number, "country_code": code}).attributes == {"phone_number": e164}


def test_without_a_country_code_the_persons_country_and_then_the_rules_decide() -> None:
    norwegian = {"phone_number": "22 12 34 56", "location": {"country": "NO"}}
    assert _profile(norwegian).attributes["phone_number"] == "+4722123456"
    rules = Rules(default_country="NO")
    assert _profile({"phone_number": "22 12 34 56"}, rules).attributes["phone_number"] == "+4722123456"


@pytest.mark.parametrize("code", ["CH", "nowhere"])
def test_a_phone_that_is_none_in_its_country_is_not_tried_in_another(code: str) -> None:
    person = {"email": "ann@example.com", "phone_number": "4155552671", "country_code": code}
    profile = _profile(person, Rules(default_country="US"))
    assert profile.attributes == {"email": "ann@example.com"}
    assert profile.warnings == ("phone_invalid",)


@pytest.mark.parametrize("wrong", [True, {}, ["x"], 1.5])
def test_an_identifier_of_a_wrong_type_costs_only_itself_unless_it_is_the_email(wrong: Any) -> None:
    person = {"email": "ann@example.com", "phone_number": wrong, "external_id": wrong}
    profile = _profile(person)
    assert profile.attributes == {"email": "ann@example.com"}
    assert set(profile.warnings) == {"phone_invalid", "external_id_invalid"}
    with pytest.raises(Rejected, match=r"^email_invalid"):
        _profile({"email": wrong, "external_id": "u-17"})


def test_a_number_is_an_external_id() -> None:
    assert _profile({"external_id": 17}).attributes == {"external_id": "17"}


def test_a_property_that_is_null_is_removed() -> None:
    profile = _profile({"email": "ann@example.com", "properties": {"plan": None, "kept": 1}})
    assert profile.unset == ("plan",)
    assert profile.attributes["properties"] == {"kept": 1}


def test_a_property_named_like_a_field_fills_it_or_stays_a_property_where_the_field_is_given() -> None:
    properties = {"city": "Bergen", "title": "Ms"}
    profile = _profile({"email": "ann@example.com", "properties": properties, "location": {"city": "Oslo"}})
    assert profile.attributes == {
        "email": "ann@example.com",
        "title": "Ms",
        "location": {"city": "Oslo"},
        "properties": {"city": "Bergen"},
    }
    assert profile.warnings == ()


def test_a_null_in_the_location_clears_the_field_and_leaves_a_property_of_its_name() -> None:
    location = {"city": None, "zip": "0150"}
    profile = _profile({"email": "ann@example.com", "location": location, "properties": {"city": "Bergen"}})
    assert profile.clear == ("location.city",)
    assert profile.attributes == {
        "email": "ann@example.com",
        "location": {"zip": "0150"},
        "properties": {"city": "Bergen"},
    }


def test_lists_are_patched_and_properties_and_fields_removed_by_name() -> None:
    patches = {
        "append": {"tags": "new", "skus": ["1", 2]},
        "unappend": {"old": ["x"]},
        "unset": ["plan", "title", "city"],
    }
    profile = _profile({"email": "ann@example.com", **patches})
    assert (profile.append, profile.unappend) == ({"tags": ["new"], "skus": ["1", 2]}, {"old": ["x"]})
    assert (profile.unset, profile.clear) == (("plan",), ("title", "location.city"))


def test_a_value_beside_its_removal_wins() -> None:
    fields = {"title": "Dr", "properties": {"plan": "gold"}, "unset": ["plan", "title"]}
    profile = _profile({"email": "ann@example.com", **fields})
    assert profile.attributes == {"email": "ann@example.com", "title": "Dr", "properties": {"plan": "gold"}}
    assert (profile.unset, profile.clear) == ((), ())


@pytest.mark.parametrize("unset", ["plan", [1], {"plan": 1}])
def test_removals_that_are_no_list_of_names_are_unreadable(unset: Any) -> None:
    with pytest.raises(Rejected, match="unset that is not a list of names"):
        _profile({"email": "ann@example.com", "unset": unset})


@pytest.mark.parametrize("name", ["properties", "location"])
def test_a_table_that_is_none_is_told_with_the_remedy(name: str) -> None:
    with pytest.raises(Rejected, match=f"{name} that is not a JSON object; map an object") as rejected:
        _profile({"email": "ann@example.com", name: "x"})
    assert rejected.value.field == name


def test_nobody_is_a_person_without_any_identifier() -> None:
    with pytest.raises(Rejected, match=r"^no_email"):
        _profile({"first_name": "Ann"})
