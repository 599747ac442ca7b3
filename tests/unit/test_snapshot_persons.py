from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.changes_messages import Change, person_keys
from mappings.errors import Rejected
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from mappings.profile import to_profile
from mappings.rules import Rules
from mappings.sources import read
from queues import members
from snapshots.persons import Described, people
from snapshots.rows import Row, Selection, Unusable, alone, identity_of, keys_of_member, of_member

US = Rules(default_country="US")
FULL = Selection(full=True)


def _people(known: dict[str, Any], selection: Selection = FULL, **attributes: Any) -> list[Row | Unusable]:
    return [*people(Described(1, known, attributes), selection, US)]


def _sent(row: Row | Unusable) -> Any:
    assert isinstance(row, Row)
    return msgspec.json.decode(row.fragment)


@pytest.mark.parametrize(
    ("known", "identity", "sent"),
    [
        ({EMAIL: " Ann@Example.com "}, "email:ann@example.com", {"email": "Ann@Example.com"}),
        ({EMAIL: "ann@example.com", PHONE: "+14155552671"}, "email:ann@example.com", {"email": "ann@example.com"}),
        ({EMAIL: " ", PHONE: "(415) 555-2671"}, "phone_number:+14155552671", {"phone": "+14155552671"}),
        ({PHONE: 14155552671, EXTERNAL_ID: "c-1"}, "phone_number:+14155552671", {"phone": "+14155552671"}),
        ({PHONE: "unknown", EXTERNAL_ID: 17}, "external_id:17", {"external_id": "17"}),
    ],
)
def test_the_strongest_identifier_alone_is_sent_and_names_the_person(
    known: dict[str, Any], identity: str, sent: dict[str, Any]
) -> None:
    (row,) = _people(known, Selection())
    assert isinstance(row, Row)
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
    assert _sent(first) == {"email": "ANN@example.com", "attributes": {"city": "Oslo"}}
    assert _sent(second) == {"email": "a@work.com", "attributes": {"city": "Oslo"}}
    assert third == Unusable(1, "email_invalid")
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert first.customer == second.customer == "c-1"


def test_several_addresses_without_an_id_are_one_customer_all_the_same() -> None:
    first, second = _people({EMAIL: ["Ann@example.com", "a@work.com"]})
    assert isinstance(first, Row)
    assert isinstance(second, Row)
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
    if isinstance(row, Row):
        posted = msgspec.json.decode(row.fragment) | {"action": "add"}
        assert row.keys == person_keys(msgspec.convert(posted, Change))


@pytest.mark.parametrize("identity", ["email:ann@example.com", "phone_number:+14155552671", "external_id:a:b"])
def test_a_member_is_taken_off_under_the_keys_by_which_the_person_came(identity: str) -> None:
    keys, fragment = of_member(identity)
    assert identity_of(fragment) == identity
    assert keys == keys_of_member(identity)
    name, _, value = identity.partition(":")
    ((row,),) = (_people({name: value}),)
    assert isinstance(row, Row)
    assert (row.identity, row.keys) == (identity, keys)


@pytest.mark.parametrize("selection", [FULL, Selection()])
@pytest.mark.parametrize("emails", ["ann@example.com", ["ann@example.com", "a@work.com"]])
def test_weaker_identities_are_named_too_whether_or_not_they_are_sent(
    emails: str | list[str], selection: Selection
) -> None:
    for person in _people({EMAIL: emails, PHONE: "(415) 555-2671", EXTERNAL_ID: 7}, selection):
        assert isinstance(person, Row)
        assert person.also == ("phone_number:+14155552671", "external_id:7")


def test_of_whom_a_phone_names_the_id_is_the_weaker() -> None:
    (row,) = _people({PHONE: "+14155552671", EXTERNAL_ID: "c-1"}, Selection())
    assert isinstance(row, Row)
    assert (row.identity, row.also) == ("phone_number:+14155552671", ("external_id:c-1",))
    assert len(row.keys) == 1


def test_an_id_that_several_have_is_taken_from_all_but_whom_nothing_else_names() -> None:
    (row,) = _people({EMAIL: "ann@example.com", EXTERNAL_ID: "c-1"}, city="Oslo")
    (bare,) = _people({EMAIL: "ann@example.com"}, city="Oslo")
    (only,) = _people({EXTERNAL_ID: "c-1"})
    assert isinstance(row, Row)
    assert isinstance(bare, Row)
    assert isinstance(only, Row)
    assert alone(row) == bare._replace(customer="c-1")
    assert alone(only) == only
