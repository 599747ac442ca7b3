"""Whom a snapshot takes off: the member of one identity, and nobody else who has the identifier."""

from __future__ import annotations

from dataclasses import replace

import pytest

from identity.holding import ChangeIdentity
from identity.identifiers import Named, made
from identity.leaving import Leaver, leaving
from identity.persons import coalesce
from klaviyo.lookups import FoundProfile
from queues.snapshots.members import Bucket, Member, gone_key
from worker.membership import known_otherwise
from worker.people.profile_names import of_profile

EMAIL, ID, PHONE = "ann@x.com", "c-1", "+14155552671"
BY_EMAIL: Named = ("email", EMAIL)
BY_ID: Named = ("external_id", ID)


def said(action: str, *named: Named, at: int = 0, exact: bool = False) -> ChangeIdentity:
    return ChangeIdentity(made(named), action, at, exact=exact)


def profile(
    number: str, email: str | None = None, external_id: str | None = None, phone: str | None = None
) -> FoundProfile:
    return FoundProfile(number, email, phone, external_id)


def test_it_does_not_take_off_a_person_of_the_batch_who_has_the_identifier_too() -> None:
    ann, member = coalesce([said("add", BY_EMAIL, BY_ID), said("remove", BY_ID, exact=True)])
    assert (ann.membership, ann.indexes, ann.leaves) == ("add", [0], [])
    assert (member.membership, member.indexes) == ("remove", [1])
    (single,) = coalesce([said("add", BY_EMAIL, BY_ID), said("remove", BY_ID)])
    assert single.membership == "remove"


def test_what_comes_by_that_identifier_alone_is_the_members_in_its_order() -> None:
    (joins,) = coalesce([said("remove", BY_ID, at=1, exact=True), said("add", BY_ID, at=2)])
    assert joins.membership == "add"
    (leaves,) = coalesce([said("add", BY_ID, at=1), said("remove", BY_ID, at=2, exact=True)])
    assert leaves.membership == "remove"


def test_it_makes_nobody_ambiguous() -> None:
    intents = coalesce([said("remove", BY_ID, exact=True), said("add", BY_EMAIL, BY_ID), said("update", BY_ID)])
    assert [intent.ambiguous for intent in intents] == [False, False]
    assert [intent.indexes for intent in intents] == [[0], [1, 2]]


MEMBER = Leaver(external_ids=frozenset({ID}), delivered=frozenset({"1"}), is_member=True)


@pytest.mark.parametrize(
    ("found", "theirs"),
    [
        ([profile("1", external_id=ID)], ["1"]),
        ([profile("1", EMAIL)], ["1"]),  # Klaviyo has lost the id
        ([profile("1", EMAIL), profile("2", "bob@x.com", ID)], ["1"]),  # it is another's by now
        ([profile("2", external_id=ID)], ["2"]),  # the profile was merged
        ([], []),
    ],
)
def test_a_member_of_an_id_is_the_profile_under_which_they_were_delivered(
    found: list[FoundProfile], theirs: list[str]
) -> None:
    assert leaving(MEMBER, found, ()) == theirs


def test_who_joins_meanwhile_is_not_taken_off_and_nobody_in_their_place() -> None:
    found = [profile("1", EMAIL, ID), profile("2", "bob@x.com", ID)]
    assert leaving(MEMBER, found, {EMAIL}) == []


def test_a_member_of_an_address_is_the_profile_that_has_it() -> None:
    leaver = Leaver(email=EMAIL, is_member=True)
    assert leaving(leaver, [profile("1", EMAIL, ID), profile("2", "bob@x.com")], ()) == ["1"]
    assert leaving(replace(leaver, delivered=frozenset({"2"})), [profile("2", "bob@x.com")], ()) == ["2"]


def test_a_profile_is_named_by_all_that_it_shows() -> None:
    assert of_profile(profile("1", "Ann@X.com", ID, PHONE)) == [
        "email:ann@x.com",
        "external_id:c-1",
        "phone_number:+14155552671",
    ]


def test_whoever_is_known_otherwise_is_no_member_by_the_other_name_and_has_not_left() -> None:
    bucket = Bucket({"external_id:c-1": Member(1)}, {gone_key("external_id:c-2"): 5})
    known_otherwise(bucket, "external_id:c-1")
    known_otherwise(bucket, "external_id:c-2")
    assert bucket == Bucket({}, {gone_key("external_id:c-2"): 5})
