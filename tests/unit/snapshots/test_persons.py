from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.connections import Connection
from identity.blocked import DEFAULT, Blocked
from intake.changes.messages import PostedChange, person_keys
from mappings.errors import Rejected
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from mappings.profile import to_profile
from mappings.rules import Rules
from mappings.sources import read
from queues.change import person_key
from queues.snapshots import members
from snapshots.customers import Described
from snapshots.persons import PersonReader
from snapshots.report import ReadReport
from snapshots.rows import (
    Selection,
    SnapshotRow,
    Unusable,
    as_member,
    identity_of,
    keys_of_member,
    of_member,
    strength,
)

US = Rules(default_country="US")
FULL = Selection(full=True)


def _people(
    known: dict[str, Any], selection: Selection = FULL, blocked: Blocked = DEFAULT, **attributes: Any
) -> list[SnapshotRow | Unusable]:
    return [*PersonReader(selection, US, blocked, ReadReport()).people(Described(1, known, attributes))]


def _sent(row: SnapshotRow | Unusable) -> Any:
    assert isinstance(row, SnapshotRow)
    return msgspec.json.decode(row.fragment)


@pytest.mark.parametrize(
    ("known", "identity", "sent"),
    [
        ({EMAIL: " Ann@Example.com "}, "email:ann@example.com", {"email": "ann@example.com"}),
        ({EMAIL: "ann@example.com", PHONE: "+14155552671"}, "email:ann@example.com", {"email": "ann@example.com"}),
        ({EMAIL: " ", PHONE: "(415) 555-2671"}, "phone_number:+14155552671", {"phone": "+14155552671"}),
        (
            {PHONE: 14155552671, EXTERNAL_ID: "c-1"},
            "external_id:c-1",
            {"external_id": "c-1", "phone": "+14155552671"},
        ),
        ({PHONE: "unknown", EXTERNAL_ID: 17}, "external_id:17", {"external_id": "17"}),
    ],
)
def test_the_strongest_identifier_names_the_person_and_beside_an_address_nothing_is_sent(
    known: dict[str, Any], identity: str, sent: dict[str, Any]
) -> None:
    (row,) = _people(known, Selection())
    assert isinstance(row, SnapshotRow)
    assert (row.identity, _sent(row)) == (identity, sent)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({}, "identity_missing"),
        ({EMAIL: "  ", PHONE: None, EXTERNAL_ID: ""}, "identity_missing"),
        ({EMAIL: []}, "identity_missing"),
        ({EMAIL: "ann", PHONE: "+14155552671", EXTERNAL_ID: "c-1"}, "email_invalid"),
        ({EMAIL: 5}, "email_invalid"),
        ({EMAIL: True}, "email_invalid"),
        ({EMAIL: {"a": 1}}, "email_invalid"),
        ({PHONE: "12"}, "phone_invalid"),
        ({PHONE: ["+14155552671"]}, "phone_invalid"),
        ({EXTERNAL_ID: "x" * 256}, "external_id_too_long"),
    ],
)
def test_whom_nothing_identifies_cannot_be_sent_and_the_reason_says_why(known: dict[str, Any], reason: str) -> None:
    assert _people(known) == _people(known, Selection()) == [Unusable(1, reason)]


def test_a_phone_is_read_by_the_country_of_the_row_even_when_that_is_not_sent() -> None:
    (row,) = _people({PHONE: "030 901820"}, Selection(), country="DE")
    assert _sent(row) == {"phone": "+4930901820"}


def test_what_the_mapping_leaves_out_is_sent_beside_an_address_so_that_it_says_so() -> None:
    (row,) = _people({EMAIL: "ann@example.com", PHONE: "12", EXTERNAL_ID: "c-1"})
    assert _sent(row) == {"email": "ann@example.com", "phone": "12", "external_id": "c-1"}


def test_each_address_of_a_customer_is_a_person_without_what_only_one_can_have() -> None:
    known = {
        EMAIL: ["ann@example.com", "ANN@example.com", "", "a@work.com", "bad"],
        PHONE: "+14155552671",
        EXTERNAL_ID: "c-1",
    }
    first, second, third = _people(known, city="Oslo")
    assert _sent(first) == {"email": "ann@example.com", "attributes": {"city": "Oslo"}}
    assert _sent(second) == {"email": "a@work.com", "attributes": {"city": "Oslo"}}
    assert third == Unusable(1, "email_invalid")
    assert isinstance(first, SnapshotRow)
    assert isinstance(second, SnapshotRow)
    assert first.customer == second.customer == "c-1"


def test_several_addresses_without_an_id_are_one_customer_all_the_same() -> None:
    first, second = _people({EMAIL: ["Ann@example.com", "a@work.com"]})
    assert isinstance(first, SnapshotRow)
    assert isinstance(second, SnapshotRow)
    assert first.customer == second.customer != ""


def test_an_empty_text_clears_as_null_does() -> None:
    (row,) = _people({EMAIL: "ann@example.com"}, city="", plan=None, score=0, gold=False)
    assert _sent(row)["attributes"] == {"city": None, "plan": None, "score": 0, "gold": False}


_KNOWN = st.fixed_dictionaries(
    {},
    optional={
        EMAIL: st.sampled_from(["ann@example.com", " Ann@Example.COM", "ann@", ""]),
        PHONE: st.sampled_from(["+14155552671", "415-555-2671", "+44 20 7946 0018", "12", ""]),
        EXTERNAL_ID: st.sampled_from(["c-1", " c-1 ", 17, "x" * 300, ""]),
    },
)
_SELECTIONS = st.sampled_from([FULL, Selection(), Selection(attributes=frozenset({"city"}))])


@given(_KNOWN, _SELECTIONS)
def test_the_identity_is_that_of_the_profile_which_the_worker_sends(
    known: dict[str, Any], selection: Selection
) -> None:
    (row,) = _people(known, selection, country="US", city="Oslo")
    if isinstance(row, Unusable):
        with pytest.raises(Rejected):
            to_profile(
                read("snapshot", msgspec.json.encode({_FIELDS[name]: value for name, value in known.items()})), US
            )
        return
    # Not by the rules of the destination only: an update may be sent without the country, and the rules may change.
    for rules in (US, Rules()):
        mapped = to_profile(read("snapshot", row.fragment), rules).attributes
        assert members.identity(mapped) == row.identity == identity_of(row.fragment)


_FIELDS = {EMAIL: "email", PHONE: "phone", EXTERNAL_ID: "external_id"}


@given(_KNOWN)
def test_a_row_has_the_person_keys_of_a_single_change_that_says_the_same(known: dict[str, Any]) -> None:
    (row,) = _people(known)
    if isinstance(row, SnapshotRow):
        posted = msgspec.json.decode(row.fragment) | {"action": "add"}
        theirs = person_keys(msgspec.convert(posted, PostedChange), Connection("default"))
        # A single change keeps its order by an id, too, that Klaviyo does not take.
        assert row.keys == tuple(key for key in theirs if key != person_key("external_id", "x" * 300))


@pytest.mark.parametrize("identity", ["email:ann@example.com", "phone_number:+14155552671", "external_id:a:b"])
def test_a_member_is_taken_off_under_the_keys_by_which_the_person_came(identity: str) -> None:
    keys, fragment = of_member(identity)
    assert identity_of(fragment) == identity
    assert keys == keys_of_member(identity)
    name, _, value = identity.partition(":")
    ((row,),) = (_people({name: value}),)
    assert isinstance(row, SnapshotRow)
    assert (row.identity, row.keys) == (identity, keys)


@pytest.mark.parametrize("selection", [FULL, Selection()])
@pytest.mark.parametrize("emails", ["ann@example.com", ["ann@example.com", "a@work.com"]])
def test_weaker_identities_are_named_too_whether_or_not_they_are_sent(
    emails: str | list[str], selection: Selection
) -> None:
    for person in _people({EMAIL: emails, PHONE: "(415) 555-2671", EXTERNAL_ID: 7}, selection):
        assert isinstance(person, SnapshotRow)
        assert person.also == ("external_id:7", "phone_number:+14155552671")


def test_of_somebody_without_an_address_the_phone_is_the_weaker() -> None:
    (row,) = _people({PHONE: "+14155552671", EXTERNAL_ID: "c-1"}, Selection())
    assert isinstance(row, SnapshotRow)
    assert (row.identity, row.also) == ("external_id:c-1", ("phone_number:+14155552671",))
    assert row.keys == (*keys_of_member("external_id:c-1"), *keys_of_member("phone_number:+14155552671"))


@pytest.mark.parametrize("value", ["0", 0, "null", "N/A", "-", "00000000-0000-0000-0000-000000000000"])
@pytest.mark.parametrize("selection", [FULL, Selection()])
def test_an_id_that_identifies_nobody_names_nobody(value: Any, selection: Selection) -> None:
    assert _people({EXTERNAL_ID: value}, selection) == [Unusable(1, "identifier_blocked")]
    (by_phone,) = _people({EXTERNAL_ID: value, PHONE: "+14155552671"}, selection)
    (by_email,) = _people({EXTERNAL_ID: value, EMAIL: "ann@example.com"}, selection)
    for person, identity in ((by_phone, "phone_number:+14155552671"), (by_email, "email:ann@example.com")):
        assert isinstance(person, SnapshotRow)
        assert (person.identity, person.also, person.customer) == (identity, (), "")
        assert person.keys == keys_of_member(identity)


def test_with_all_identifiers_the_worker_is_told_of_a_blocked_one_beside_an_address_and_counts_it() -> None:
    (row,) = _people({EXTERNAL_ID: "0", EMAIL: "ann@example.com"})
    assert _sent(row) == {"email": "ann@example.com", "external_id": "0"}


def test_the_connections_own_blocked_values_name_nobody_either() -> None:
    blocked = Blocked(values=("shop-till", "team@example.com"))
    assert _people({EXTERNAL_ID: "Shop-Till"}, blocked=blocked) == [Unusable(1, "identifier_blocked")]
    assert _people({EMAIL: "team@example.com"}, blocked=blocked) == [Unusable(1, "identifier_blocked")]
    (row,) = _people({EXTERNAL_ID: "shop-till", PHONE: "+14155552671"}, blocked=blocked)
    assert isinstance(row, SnapshotRow)
    assert row.identity == "phone_number:+14155552671"


def test_ids_in_another_case_are_others_and_addresses_are_not() -> None:
    rows = [*_people({EXTERNAL_ID: "sw1"}), *_people({EXTERNAL_ID: "SW1"})]
    assert [row.identity for row in rows if isinstance(row, SnapshotRow)] == ["external_id:sw1", "external_id:SW1"]
    rows = [*_people({EMAIL: "info@m\u00fcller.de"}), *_people({EMAIL: "\ufeffINFO@xn--mller-kva.de"})]
    assert {row.identity for row in rows if isinstance(row, SnapshotRow)} == {"email:info@xn--mller-kva.de"}


def test_a_row_of_a_member_is_sent_under_the_identity_that_the_ledger_has() -> None:
    (row,) = _people({EXTERNAL_ID: "c-1", PHONE: "+14155552671"}, city="Oslo")
    assert isinstance(row, SnapshotRow)
    stronger, weaker = as_member(row, "email:ann@example.com"), as_member(row, "phone_number:+14155552671")
    assert identity_of(stronger.fragment) == stronger.identity == "email:ann@example.com"
    assert _sent(stronger) == {
        "email": "ann@example.com",
        "phone": "+14155552671",
        "attributes": {"city": "Oslo"},
    }
    assert stronger.keys == (*keys_of_member("email:ann@example.com"), *row.keys)
    assert identity_of(weaker.fragment) == weaker.identity == "phone_number:+14155552671"
    assert _sent(weaker) == {"phone": "+14155552671", "attributes": {"city": "Oslo"}}
    assert weaker.keys == row.keys[::-1]


def test_an_address_is_the_strongest_identity_and_a_phone_the_weakest() -> None:
    names = ["phone_number:+1", "external_id:email:x", "email:a@example.com"]
    assert sorted(names, key=strength) == names[::-1]
