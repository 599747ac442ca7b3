"""What of a person's identifiers is sent, by what Klaviyo says of their owners."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.leaving import Leaver, leaving
from identity.sending import KEPT, TAKEN, IdentifierChoice, alone, choose, first_of, once
from klaviyo.lookups import FoundProfile

EMAIL, PHONE, OTHER = "ann@example.com", "+14155552671", "+14155552672"
BOTH = {"email": EMAIL, "phone_number": PHONE}
WITH_ID = {"email": EMAIL, "external_id": "c-1"}


def profile(id_: str, email: str | None = None, phone: str | None = None, own: str | None = None) -> FoundProfile:
    return FoundProfile(id_, email, phone, own)


@pytest.mark.parametrize(
    ("given_", "person", "owner", "left_out", "warnings"),
    [
        # free, new or known
        (BOTH, None, None, (), ()),
        (BOTH, profile("1", EMAIL), None, (), ()),
        # on that very profile
        (BOTH, profile("1", EMAIL, PHONE), profile("1", EMAIL, PHONE), (), ()),
        # another's, with an e-mail of its own or without
        (BOTH, None, profile("2", "mum@example.com", PHONE), ("phone_number",), (TAKEN,)),
        (BOTH, profile("1", EMAIL), profile("2", None, PHONE), ("phone_number",), (TAKEN,)),
        (BOTH, None, profile("2", None, PHONE), ("phone_number",), (TAKEN,)),
        (WITH_ID, None, profile("2", "old@example.com", own="c-1"), ("external_id",), (TAKEN,)),
        (WITH_ID, profile("1", EMAIL), profile("2", None, own="c-1"), ("external_id",), (TAKEN,)),
        # a nameless profile of that id is nobody else's, while the e-mail is free
        (WITH_ID, None, profile("2", None, own="c-1"), (), ()),
        (WITH_ID, None, profile("2", None, PHONE, own="c-1"), (), ()),
        # the profile has another one, which stays
        (WITH_ID, profile("1", EMAIL, own="c-2"), None, ("external_id",), (KEPT,)),
        (BOTH, profile("1", EMAIL, OTHER), None, (), ()),
        (BOTH, FoundProfile("1", EMAIL, OTHER, None, sms_consent=True), None, ("phone_number",), (KEPT,)),
    ],
)
def test_a_second_identifier_goes_only_where_it_is_free_or_the_persons_own(
    given_: Mapping[str, str],
    person: FoundProfile | None,
    owner: FoundProfile | None,
    left_out: tuple[str, ...],
    warnings: tuple[str],
) -> None:
    (second,) = alone(given_)
    choice = choose(given_, {"email": person, second: owner}, phone_wins=False)
    assert (choice.left_out, choice.warnings) == (left_out, warnings)


def test_the_cdps_phone_wins_over_one_with_consent_where_that_is_set() -> None:
    person = FoundProfile("1", EMAIL, OTHER, None, sms_consent=True)
    assert choose(BOTH, {"email": person, "phone_number": None}, phone_wins=True).left_out == ()


def test_without_an_e_mail_the_external_id_says_who_is_meant() -> None:
    assert first_of({"phone_number": PHONE, "external_id": "c"}) == "external_id"
    assert alone({"phone_number": PHONE, "external_id": "c", "email": EMAIL}) == ("external_id", "phone_number")


def test_of_several_people_the_newest_gets_a_free_identifier_and_a_profile_keeps_its_own() -> None:
    mum, kid = {"email": "mum@x.com", "phone_number": PHONE}, {"email": "kid@x.com", "phone_number": PHONE}
    assert [each.left_out for each in once([(mum, IdentifierChoice()), (kid, IdentifierChoice())])] == [
        ("phone_number",),
        (),
    ]
    owned = once([(mum, IdentifierChoice(own=("phone_number",))), (kid, IdentifierChoice())])
    assert [each.left_out for each in owned] == [(), ("phone_number",)]
    assert owned[1].warnings == (TAKEN,)


def test_who_has_nothing_but_the_identifier_keeps_it() -> None:
    mum, nobody = {"email": "mum@x.com", "phone_number": PHONE}, {"phone_number": PHONE}
    assert [each.left_out for each in once([(nobody, IdentifierChoice()), (mum, IdentifierChoice())])] == [
        (),
        ("phone_number",),
    ]


PERSON = st.fixed_dictionaries(
    {}, optional={"email": st.sampled_from("abc"), "external_id": st.sampled_from("xy"), "phone_number": st.just(PHONE)}
).filter(bool)


@given(st.lists(PERSON, max_size=8, unique_by=lambda given_: tuple(sorted(given_.items()))[:1]))
def test_no_identifier_goes_with_two_people_of_one_import(people: list[dict[str, str]]) -> None:
    firsts = [(first_of(given_), given_[first_of(given_)]) for given_ in people]
    people = [given_ for place, given_ in enumerate(people) if firsts.index(firsts[place]) == place]
    sent: list[tuple[str, str]] = []
    for given_, choice in zip(people, once([(given_, IdentifierChoice()) for given_ in people]), strict=True):
        assert first_of(given_) not in choice.left_out
        sent += [pair for pair in given_.items() if pair[0] not in choice.left_out]
    assert len(sent) == len(set(sent))


ANN = Leaver(email=EMAIL, phones=frozenset({PHONE}), external_ids=frozenset({"c-1"}))


@pytest.mark.parametrize(
    ("leaver", "found", "theirs"),
    [
        (ANN, profile("1", "Ann@Example.com"), True),
        (ANN, profile("1", "mum@example.com", PHONE), False),
        (ANN, profile("1", "old@example.com", own="c-1"), False),
        (ANN, profile("1", None, PHONE), True),
        (ANN, profile("1", None, own="c-1"), True),
        (ANN, profile("1", None, OTHER), False),
        (Leaver(email=EMAIL, delivered=frozenset({"1"})), profile("1", "old@example.com"), True),
        (Leaver(email=EMAIL, by_ids=frozenset({"1"})), profile("1", "old@example.com"), True),
        (Leaver(email=EMAIL, by_ids=frozenset({"1"}), is_known=True), profile("1", "old@example.com"), False),
        (Leaver(external_ids=frozenset({"c-1"})), profile("1", "any@example.com", own="c-1"), True),
        (Leaver(phones=frozenset({PHONE})), profile("1", "any@example.com", PHONE), True),
    ],
)
def test_a_profile_is_the_leavers_by_its_e_mail_by_delivery_or_without_an_e_mail(
    leaver: Leaver, found: FoundProfile, theirs: bool
) -> None:
    assert leaving(leaver, [found], ()) == (["1"] if theirs else [])


def test_ids_lead_to_nobody_else_where_the_e_mail_is_found() -> None:
    leaver = Leaver(email=EMAIL, by_ids=frozenset({"2"}), external_ids=frozenset({"c-1"}))
    assert leaving(leaver, [profile("1", EMAIL), profile("2", "work@example.com", own="c-1")], ()) == ["1"]


def test_nobody_is_taken_off_who_joins_meanwhile() -> None:
    leaver = Leaver(email=EMAIL, delivered=frozenset({"2"}))
    assert leaving(leaver, [profile("2", "home@example.com")], {"home@example.com"}) == []
