from __future__ import annotations

from typing import Any

import orjson
import pytest

from mappings.errors import Reason, Rejected
from mappings.person import Attribute, Identity, Person
from mappings.sources import read


def _read(**person: Any) -> Person:
    return read("mparticle", orjson.dumps(person))


def test_a_whole_person_is_read_in_the_order_given() -> None:
    person = _read(
        mpid="-1327484737295091692",
        user_identities=[
            {"type": "email", "encoding": "raw", "value": "jane@example.com"},
            {"type": "customer", "encoding": "md5", "value": "4739c5c11d833bb199c16ff95a92b267"},
        ],
        user_attributes=[
            {"key": "$FirstName", "action": "upsert", "value": "Jane"},
            {"key": "Churned", "action": "delete"},
            {"key": "tags", "action": "upsert", "value": None, "list_value": ["a", "b"]},
            {"key": "vip", "action": "upsert", "value": None, "list_value": None},
        ],
    )
    assert person == Person(
        identities=(
            Identity("email", "jane@example.com"),
            Identity("customer", "4739c5c11d833bb199c16ff95a92b267", "md5"),
            Identity("mpid", "-1327484737295091692"),
        ),
        attributes=(
            Attribute("$FirstName", "Jane"),
            Attribute("Churned", deleted=True),
            Attribute("tags", ["a", "b"]),
            Attribute("vip", True),
        ),
    )


@pytest.mark.parametrize(
    "person",
    [
        {},
        {"mpid": None, "user_identities": None, "user_attributes": None},
        {"mpid": "", "user_identities": [], "user_attributes": []},
        {"mpid": True, "user_identities": "x", "user_attributes": {"key": "a"}},
        {"device_identities": [{"type": "android_id", "value": "x"}], "consent_state": {}},
    ],
)
def test_missing_null_empty_and_unknown_all_mean_nobody(person: dict[str, Any]) -> None:
    assert _read(**person) == Person()


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("email", "email"),
        ("Email", "email"),
        ("customer", "customer"),
        ("customer_id", "customer"),
        ("CustomerId", "customer"),
        ("other", "other"),
        ("Other", "other"),
        ("other_id", "other"),
        ("other2", "other2"),
        ("other_id_2", "other2"),
        ("Other3", "other3"),
        ("OTHER_ID_10", "other10"),
        ("mobile_number", "mobile_number"),
        ("MobileNumber", "mobile_number"),
        ("phone_number_2", "phone_number_2"),
        ("PhoneNumber3", "phone_number_3"),
        ("facebook", "facebook"),
    ],
)
def test_identity_types_come_in_the_spelling_of_any_mparticle_product(name: str, canonical: str) -> None:
    assert _read(user_identities=[{"type": name, "encoding": "raw", "value": "x"}]).identities == (
        Identity(canonical, "x"),
    )


@pytest.mark.parametrize("name", ["phone", "external_id", "other11", "mpid", "", "x" * 1_000])
def test_identity_types_that_mparticle_does_not_have_are_skipped(name: str) -> None:
    assert _read(user_identities=[{"type": name, "encoding": "raw", "value": "x"}]).identities == ()


@pytest.mark.parametrize(
    ("encoding", "read_as"),
    [("raw", "raw"), ("RAW", "raw"), ("none", "raw"), (None, "raw"), ("", "raw"), ("sha256", "sha256"), ("MD5", "md5")],
)
def test_no_encoding_is_raw_under_all_its_names(encoding: str | None, read_as: str) -> None:
    identity = {"type": "email", "encoding": encoding, "value": "x"}
    assert _read(user_identities=[identity]).identities == (Identity("email", "x", read_as),)


@pytest.mark.parametrize(
    "malformed",
    [
        {},
        None,
        "email",
        7,
        [],
        {"type": "email"},
        {"type": "email", "encoding": "raw", "value": None},
        {"type": "email", "encoding": "raw", "value": ""},
        {"type": "email", "encoding": "raw", "value": ["x"]},
        {"type": 1, "encoding": "raw", "value": "x"},
        {"type": "email", "encoding": 5, "value": "x"},
    ],
)
def test_a_malformed_identity_is_skipped_and_the_others_stay(malformed: object) -> None:
    good = {"type": "email", "encoding": "raw", "value": "jane@example.com"}
    assert _read(user_identities=[malformed, good]).identities == (Identity("email", "jane@example.com"),)


@pytest.mark.parametrize(
    "malformed",
    [
        {},
        None,
        "key",
        7,
        [],
        {"key": "a"},
        {"key": "a", "action": None, "value": "x"},
        {"key": "a", "action": "rename", "value": "x"},
        {"key": "a", "action": 3, "value": "x"},
        {"key": None, "action": "upsert", "value": "x"},
        {"key": "", "action": "upsert", "value": "x"},
        {"key": 5, "action": "upsert", "value": "x"},
        {"action": "delete"},
    ],
)
def test_a_malformed_attribute_is_skipped_and_the_others_stay(malformed: object) -> None:
    good = {"key": "plan", "action": "upsert", "value": "gold"}
    assert _read(user_attributes=[malformed, good]).attributes == (Attribute("plan", "gold"),)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ({}, True),
        ({"value": None}, True),
        ({"value": None, "list_value": []}, True),
        ({"value": "x", "list_value": []}, "x"),
        ({"value": "x", "list_value": None}, "x"),
        ({"value": "x", "list_value": ["a"]}, ["a"]),
        ({"list_value": ["a", None, "b"]}, ["a", "b"]),
        ({"value": ""}, ""),
        ({"value": 12}, 12),
        ({"value": False}, False),
    ],
)
def test_a_list_wins_over_a_value_and_neither_is_a_tag(entry: dict[str, Any], value: object) -> None:
    person = _read(user_attributes=[{"key": "a", "action": "Upsert", **entry}])
    assert person.attributes == (Attribute("a", value),)


def test_an_mpid_written_as_a_number_keeps_every_digit() -> None:
    assert read("mparticle", b'{"mpid":-9223372036854775808}').identities == (Identity("mpid", "-9223372036854775808"),)


def test_one_value_that_is_broken_text_does_not_cost_the_person() -> None:
    person = read(
        "mparticle",
        b'{"user_attributes":[{"key":"a","action":"upsert","value":"x\\ud800"},'
        b'{"key":"b","action":"upsert","value":"y\xff"},{"key":"c","action":"upsert","value":1e999}]}',
    )
    assert person.attributes == (Attribute("a", "x\ud800"), Attribute("b", "y�"), Attribute("c", float("inf")))


@pytest.mark.parametrize("fragment", [b"", b"{", b"[]", b"null", b'"jane"', b"[" * 100_000])
def test_a_fragment_that_is_no_object_is_rejected_as_unreadable(fragment: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        read("mparticle", fragment)
    assert caught.value.reason is Reason.FRAGMENT_UNREADABLE
