"""What is stored of a person that mParticle sends, and by which keys the person is known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from intake.audiences import Audiences
from intake.mparticle import membership
from intake.mparticle.messages import MembershipMessage, decoder
from queues.change import decode, person_key
from tests.support.firehose import (
    ACCOUNT,
    CONNECTION,
    CUSTOMER,
    EMAIL,
    NOW,
    audience,
    message,
    only_change,
    person,
    profile,
    raw_message,
)


def test_identities_and_attributes_are_stored_as_posted_and_devices_are_not() -> None:
    raw = raw_message(
        '{"mpid":"7", "device_identities":[{"a":1}],'
        '"user_identities" : [ {"type":"email", "value":"a@b.c", "new_field":1.50} ],'
        '"audiences":[{"audience_id":1,"action":"add",'
        '"user_attributes":[ {"key":"k","list_value":["\\u00e9"]} , { } ]}]}'
    )
    assert bytes(only_change(raw).body.person) == (
        b'{"mpid":"7","user_identities":[ {"type":"email", "value":"a@b.c", "new_field":1.50} ],'
        b'"user_attributes":[ {"key":"k","list_value":["\\u00e9"]} , { } ]}'
    )


@pytest.mark.parametrize("empty", ["null", "[]"])
def test_empty_parts_of_a_person_are_left_out(empty: str) -> None:
    raw = raw_message(
        '{"mpid":"7","user_identities":' + empty + ',"audiences":[{"audience_id":1,"action":"add",'
        '"user_attributes":' + empty + "}]}"
    )
    assert bytes(only_change(raw).body.person) == b'{"mpid":"7"}'


@pytest.mark.parametrize(
    ("mpid", "text"),
    [
        ('"-1327484737295091692"', "-1327484737295091692"),
        ("-1327484737295091692", "-1327484737295091692"),
        ("9223372036854775807", "9223372036854775807"),
    ],
)
def test_an_mpid_keeps_every_digit(mpid: str, text: str) -> None:
    change = only_change(raw_message('{"mpid":' + mpid + ',"audiences":[{"audience_id":1,"action":"add"}]}'))
    assert person(change) == {"mpid": text}
    assert change.keys == (person_key("mpid", f"{ACCOUNT}:{text}"),)


@pytest.mark.parametrize("kind", ["email", "Email", "EMAIL"])
@pytest.mark.parametrize("encoding", ["raw", "RAW", "none", "", None])
def test_the_first_raw_email_and_the_mpid_are_the_person_keys(kind: str, encoding: str | None) -> None:
    hashed = {"type": "email", "encoding": "md5", "value": "e179e95c00e7718ab4a23840f992ea63"}
    second = {"type": "email", "encoding": "raw", "value": "second@example.com"}
    first = {"type": kind, "encoding": encoding, "value": " Ann@Example.com "}
    change = only_change(message(profile(audience(), identities=[{}, None, hashed, first, second, CUSTOMER])))
    keys = (("email", "ann@example.com"), ("mpid", f"{ACCOUNT}:-42"), ("external_id", "c-1"))
    assert change.keys == tuple(person_key(*key) for key in keys)


@pytest.mark.parametrize("placeholder", ["0", "null", "Guest", "-"])
def test_ids_that_identify_nobody_are_no_keys(placeholder: str) -> None:
    identities = [EMAIL, CUSTOMER | {"value": placeholder}]
    change = only_change(message(profile(audience(), identities=identities, mpid="-1")))
    assert change.keys == (person_key("email", "ann@example.com"),)


def test_the_same_mpid_of_two_accounts_is_two_people() -> None:
    decoded = decoder.decode(json.dumps(message(profile(audience(), identities=[]))))
    assert isinstance(decoded, MembershipMessage)
    keys = {
        decode(membership.acceptances(decoded, account, CONNECTION, Audiences(), NOW)[0].changes[0]).keys
        for account in (1, 2)
    }
    assert len(keys) == 2


@pytest.mark.parametrize("mpid", [None, "", " ", "0", 0, "-1", "null"])
def test_other_identities_tell_a_person_who_has_neither_email_nor_mpid(mpid: Any) -> None:
    hashed = {"type": "email", "encoding": "sha256", "value": "ABCDEF"}
    for identities, key in (
        ([hashed, CUSTOMER, {"type": "other"}], ("external_id", "c-1")),
        ([hashed, {"type": "facebook", "value": ""}], ("email/sha256", "abcdef")),
    ):
        change = only_change(message(profile(audience(), identities=identities, mpid=mpid)))
        assert change.keys == (person_key(*key),)


def test_no_more_than_nine_person_keys_are_made() -> None:
    many = [{"type": f"other{n}", "encoding": "raw", "value": str(n)} for n in range(20)]
    assert len(only_change(message(profile(audience(), identities=many, mpid=None))).keys) == 9


@pytest.mark.parametrize("wrong", [{"type": 5}, "text", 7, [], {"type": "email", "value": {"a": 1}}])
def test_an_identity_that_cannot_be_read_does_not_cost_the_person(wrong: Any) -> None:
    change = only_change(message(profile(audience(), identities=[wrong, EMAIL], mpid=None)))
    assert change.keys == (person_key("email", "ann@example.com"),)
    assert person(change)["user_identities"] == [wrong, EMAIL]
