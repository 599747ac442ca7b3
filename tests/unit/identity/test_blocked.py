"""Values that identify nobody."""

from __future__ import annotations

import uuid

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import blocked
from identity.blocked import DEFAULT, PLACEHOLDERS

IDS = ("external_id", "mpid", "user_id", "anonymous_id")


@pytest.mark.parametrize(
    "value",
    [
        *("0", "00", "0.0", "-", "--", "000-000", "-1", "_", "."),
        *("null", "NULL", "Null", "none", "nil", "NaN", "undefined", "unknown", "N/A", "n/a", "NA", "(null)", "<null>"),
        *("guest", "Guest", "anonymous", "[object Object]", "not set", "(not set)", "true", "False", '"null"'),
        *("00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000"),
        *("ffffffff-ffff-ffff-ffff-ffffffffffff", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
        *("00000000-0000-0000-0000-000000000001", "0x0", "0X00", "\\N", "N\\A", "n.a.", "nul", " NULL "),
        *(
            "nu\u200bll",
            "null\u200b",
            "\uff10",
            "\uff2e\uff35\uff2c\uff2c",
            "\u0660\u0660",
            "\u22121",
            "\u2014",
            "\u20131",
        ),
        *(
            "{{customer.id}}",
            "{{ customer.id | default: '' }}",
            "${userId}",
            "%CUSTOMER_ID%",
            "*|ID|*",
            "<%= id %>",
            "[[id]]",
        ),
        *(
            "\u201cnull\u201d",
            "\u00abn/a\u00bb",
            "\u2018none\u2019",
            "not_set",
            "not-set",
            "Not_Available",
            "N / A",
            "n-a",
        ),
        *("0E+00", "0.0e-12", "-0E0", "-1.0", "-1,00", "#REF!", "#NAME?", "#DIV/0!", "#N/A", "#value!"),
        *(
            "{customer_id}",
            "{customer.id}",
            "<customer_id>",
            "[userId]",
            "null null",
            "null_null",
            "NIL UUID",
            "no-one",
        ),
    ],
)
@pytest.mark.parametrize("kind", IDS)
def test_a_placeholder_identifies_nobody(kind: str, value: str) -> None:
    assert DEFAULT.holds(kind, value)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "1",
            "c-1",
            "10",
            "f",
            "ff",
            "Nullmann",
            "nora",
            "guest-17",
            "-42",
            "0x1f",
            "testa",
            "n",
            "N",
            "100%",
            "50%off%",
        ),
        *(
            "\u0438\u0432\u0430\u043d\u043e\u0432",
            "\u5ba2\u6237\u4e03",
            "\u0661",
            "{c-1}",
            "{6F9619FF}",
            "<c1>",
            "[17]",
            "0e12",
            "0e830400451993494058024219903391",
            "-1.5",
            "-10",
            "#REF-17",
            "#ANNA",
            "null-17",
            "not set by 17",
            "n-a-1",
            "uuid",
            "Nil Young",
            "$1",
            "00000000-0000-0000-0000-000000000002",
        ),
    ],
)
@pytest.mark.parametrize("kind", IDS)
def test_an_id_that_only_looks_a_little_like_one_is_kept(kind: str, value: str) -> None:
    assert not DEFAULT.holds(kind, value)


_PARTS = st.sampled_from([*PLACEHOLDERS, *"0123456789aAxXeEfF", *" -_+.,@(){}[]<>%$*|/#?!\\\"'", "REF", "id"])


@given(st.lists(_PARTS, max_size=6).map("".join))
def test_most_values_are_seen_to_be_somebodys_from_their_beginning(value: str) -> None:
    # A value with a letter of zero width is looked at as a whole.
    assert DEFAULT.holds("external_id", value) == DEFAULT.holds("external_id", f"{value}\u200b")


@given(st.uuids())
def test_an_id_made_by_a_program_is_kept(value: uuid.UUID) -> None:
    assert value.int == 0 or not DEFAULT.holds("external_id", str(value))


@pytest.mark.parametrize("phone", ["+10000000000", "+490000000000", "+1111111111", "0000000000"])
def test_a_dummy_phone_identifies_nobody(phone: str) -> None:
    assert DEFAULT.holds("phone", phone)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_example_numbers_of_every_country_are_kept(region: str) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert not DEFAULT.holds("phone", e164)


@pytest.mark.parametrize("address", ["null@example.com", "guest@example.com", "0@example.com"])
def test_an_e_mail_is_blocked_by_the_users_own_list_alone(address: str) -> None:
    assert not DEFAULT.holds("email", address)
    assert blocked.read([address.upper()]).holds("email", address)


def test_the_users_own_values_and_patterns_come_on_top() -> None:
    own = blocked.read(["Shop-Counter", "/test-.*/", r"/\+1555\d+/"])
    assert [own.holds("external_id", value) for value in ("shop-counter", "TEST-1", "a test-1", "null", "c-1")] == [
        *(True, True, False, True, False)
    ]
    assert own.holds("phone", "+15551234567")


def test_a_pattern_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"blocked_identifiers: /\(/ is not a regular expression"):
        blocked.read(["/(/"])


@pytest.mark.parametrize("text", ["null", "n/a", "N / A", "no email", "no_email", "-", "0", "undefined", "{{email}}"])
def test_a_placeholder_in_the_place_of_an_e_mail_identifies_nobody(text: str) -> None:
    assert DEFAULT.holds("email", text)


@pytest.mark.parametrize("text", ["ann", "ann.example.com", "ann at example.com", "-@example.com", "null@", "@"])
def test_a_mistyped_e_mail_is_none(text: str) -> None:
    assert not DEFAULT.holds("email", text)
