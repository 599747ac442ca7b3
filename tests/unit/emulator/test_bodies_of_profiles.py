from __future__ import annotations

from typing import Any

import pytest

from tests.support.emulator_api import row
from tests.support.emulator_bodies import CREATE, UPDATE, UPSERT, pointers, problems


@pytest.mark.parametrize(
    "attributes",
    [
        {"email": "ada+tag@example.com"},
        {"email": "o'neil@sub.example.co.uk"},
        {"phone_number": "+15005550006"},
        {"external_id": "42"},
        {"_kx": "token"},
        {"email": "a@example.com", "first_name": None, "location": None, "properties": None},
        {"email": "a@example.com", "location": {"city": "Oslo", "latitude": 59.9, "longitude": "10.7", "zip": None}},
        {"email": "a@example.com", "properties": {"n": 1, "t": True, "x": None, "list": [{"a": [1]}]}},
    ],
)
def test_a_good_profile_has_no_problems(attributes: dict[str, Any]) -> None:
    assert problems(UPSERT, row(**attributes)) == []


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.com", "ada@example", "a b@example.com", "a..b@example.com", "a@b@c.de"]
)
def test_a_malformed_address_is_refused(email: object) -> None:
    assert ("/attributes/email", "Invalid email address") in problems(UPSERT, row(email=email))


@pytest.mark.parametrize(
    ("attributes", "where"),
    [
        ({"first_name": 7}, "/attributes/first_name"),
        ({"phone_number": 7}, "/attributes/phone_number"),
        ({"nickname": "x"}, "/attributes/nickname"),
        ({"anonymous_id": "x"}, "/attributes/anonymous_id"),
        ({"properties": []}, "/attributes/properties"),
        ({"properties": {"deep": [[[[[[[[[[[]]]]]]]]]]]}}, "/attributes/properties/deep"),
        ({"properties": {"wide": [0] * 4_001}}, "/attributes/properties/wide"),
        ({"location": "Oslo"}, "/attributes/location"),
        ({"location": {"planet": "Earth"}}, "/attributes/location/planet"),
        ({"location": {"latitude": True}}, "/attributes/location/latitude"),
        ({"location": {"city": 7}}, "/attributes/location/city"),
    ],
)
def test_a_bad_field_is_named_by_its_pointer(attributes: dict[str, Any], where: str) -> None:
    assert pointers(UPSERT, row(email="a@example.com", **attributes)) == [where]


def test_an_unknown_attribute_is_refused_in_klaviyos_words() -> None:
    (_, detail), *rest = problems(UPSERT, row(email="a@example.com", nickname="x"))
    assert detail == "'nickname' is not a valid field for the resource 'profile'."
    assert rest == []


@pytest.mark.parametrize(
    ("meta", "where"),
    [
        ({"patch_properties": {"unset": 7}}, "/meta/patch_properties/unset"),
        ({"patch_properties": {"unset": ["a", 7]}}, "/meta/patch_properties/unset"),
        ({"patch_properties": {"append": ["a"]}}, "/meta/patch_properties/append"),
        ({"patch_properties": {"prepend": {}}}, "/meta/patch_properties/prepend"),
        ({"patch_properties": "x"}, "/meta/patch_properties"),
        ({"patch_identifiers": "x"}, "/meta/patch_identifiers"),
        ({"patch_identifiers": {"append": {"email": "b@example.com"}}}, "/meta/patch_identifiers/append"),
        ({"patch_identifiers": {"append": {"email": ["b"]}}}, "/meta/patch_identifiers/append"),
        ({"patch_identifiers": {"append": {"email": [7]}}}, "/meta/patch_identifiers/append"),
        ({"patch_identifiers": {"append": {"phone_number": []}}}, "/meta/patch_identifiers/append"),
        ({"patch_identifiers": {"unappend": {"email": []}}}, "/meta/patch_identifiers/unappend"),
        ({"patch_colours": {}}, "/meta/patch_colours"),
    ],
)
def test_a_bad_patch_order_is_named_by_its_pointer(meta: dict[str, Any], where: str) -> None:
    assert pointers(UPSERT, {**row(email="a@example.com"), "meta": meta}) == [where]


@pytest.mark.parametrize(
    "meta",
    [
        None,
        {},
        {"patch_properties": None},
        {"patch_properties": {"unset": "a"}},
        {"patch_identifiers": {"append": {"email": ["b@example.com"]}}},
    ],
)
def test_harmless_patch_orders_are_taken(meta: object) -> None:
    assert problems(UPSERT, {**row(email="a@example.com"), "meta": meta}) == []


def test_unset_of_a_wrong_type_is_refused_in_klaviyos_words() -> None:
    profile = {**row(email="a@example.com"), "meta": {"patch_properties": {"unset": 7}}}
    assert problems(UPSERT, profile)[0][1] == "Unset must be a string or an array of strings"


@pytest.mark.parametrize("call", [UPSERT, CREATE])
def test_a_profile_without_any_identifier_is_refused(call: str) -> None:
    assert pointers(call, row(first_name="Ada", email=None)) == ["/attributes"]


def test_an_id_is_identifier_enough_for_an_upsert_unknown_to_a_create_and_required_for_an_update() -> None:
    profile = {"type": "profile", "id": "01X", "attributes": {}}
    assert problems(UPSERT, profile) == []
    assert problems(UPDATE, profile) == []
    assert pointers(CREATE, profile) == ["/id"]
    assert problems(UPDATE, row()) == [("/id", "'id' is a required field for the resource 'profile'.")]


@pytest.mark.parametrize(
    ("profile", "where"),
    [
        ([], [""]),
        ("x", [""]),
        ({"type": "person", "attributes": {}}, ["/type"]),
        ({"type": "profile"}, ["/attributes"]),
        ({"attributes": {}}, ["/type"]),
        ({"type": "profile", "attributes": []}, ["/attributes"]),
        ({"type": "profile", "attributes": {}, "id": 7}, ["/id"]),
    ],
)
def test_a_body_of_another_form_is_refused_at_its_place(profile: object, where: list[str]) -> None:
    assert pointers(UPSERT, profile) == where


@pytest.mark.parametrize("call", [UPSERT, CREATE])
def test_a_profile_over_100_kilobytes_is_refused(call: str) -> None:
    assert pointers(call, row(email="a@example.com", properties={"essay": "x" * 100_000})) == [""]


def test_all_problems_of_a_profile_are_reported_together() -> None:
    found = pointers(UPSERT, row(email="nope", phone_number="1", age=7))
    assert found == ["/attributes/email", "/attributes/phone_number", "/attributes/age"]
