"""Whose a stored change is, and whose a profile, where somebody asked to be forgotten."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import erasing
from identity.erasing import Sighting, Subject, Trace, Verdict, verdict
from identity.identifiers import STRENGTH, Identifiers, Named
from klaviyo.lookups import FoundProfile

MUM, KID = "mum@example.com", "kid@example.com"
PHONE: Named = ("phone", "+14155550132")
ID: Named = ("external_id", "c-77")
MPID: Named = ("mpid", "7")
KEY, OTHER_KEY = "k" * 16, "o" * 16


def trace(email: str | None, *named: Named, key: str = OTHER_KEY, wrong: bool = False) -> Trace:
    """A stored change with these identifiers."""
    known = ([("email", email)] if email else []) + sorted(named, key=lambda each: STRENGTH.index(each[0]))
    return Trace(Identifiers(tuple(known), wrong), key)


def theirs(emails: Sequence[str], ids: Sequence[Named], traces: Sequence[Trace]) -> list[bool]:
    """Of each whether it is the subject's, where nothing else is known."""
    subject = Subject(frozenset(emails), frozenset(ids), frozenset({KEY}))
    others = erasing.taken(subject, traces)
    return [erasing.is_theirs(subject, each, others) for each in traces]


TABLE: dict[str, tuple[Sequence[str], Sequence[Named], Sequence[Trace], list[bool]]] = {
    "the same e-mail": ([MUM], [], [trace(MUM), trace(MUM, ID)], [True, True]),
    "another e-mail with the same id": ([MUM], [ID], [trace(KID, ID)], [False]),
    "another e-mail with the same phone": ([MUM], [PHONE], [trace(KID, PHONE)], [False]),
    "an id alone": ([MUM], [ID], [trace(None, ID)], [True]),
    "an id alone that somebody else has, too": ([MUM], [ID], [trace(None, ID), trace(KID, ID)], [False, False]),
    "an id alone that the person has twice": ([MUM], [ID], [trace(None, ID), trace(MUM, ID)], [True, True]),
    "a phone alone": ([MUM], [PHONE], [trace(None, PHONE)], [True]),
    "a phone alone of a family": ([MUM], [PHONE], [trace(None, PHONE), trace(KID, PHONE)], [False, False]),
    "a phone beside somebody's id": ([MUM], [PHONE], [trace(None, ID, PHONE)], [False]),
    "a weaker id beside one of somebody else": (
        [MUM],
        [MPID],
        [trace(None, ID, MPID), trace(KID, ID)],
        [False, False],
    ),
    "a weaker id beside one of nobody": ([MUM], [MPID], [trace(None, ID, MPID)], [True]),
    "no chain: a third one's id": ([MUM], [ID], [trace(None, ID, MPID), trace(None, MPID)], [True, False]),
    "nobody's e-mail is known": ([], [ID], [trace(None, ID), trace(None, MPID)], [True, False]),
    "an e-mail that is none, by its key": ([], [], [trace(None, key=KEY, wrong=True)], [True]),
    "an e-mail that is none, by another": ([], [ID], [trace(None, ID, wrong=True)], [False]),
    "nothing that can be read, by its key": ([MUM], [], [trace(None, key=KEY), trace(None)], [True, False]),
}


@pytest.mark.parametrize("case", TABLE)
def test_whose_a_change_is(case: str) -> None:
    emails, ids, traces, expected = TABLE[case]
    assert theirs(emails, ids, traces) == expected


def test_the_e_mails_that_go_with_an_id_are_found() -> None:
    traces = [trace(MUM, ID, PHONE), trace(KID, PHONE), trace(None, ID)]
    assert erasing.emails_with([ID], traces) == {MUM}
    assert erasing.emails_with([PHONE], traces) == {MUM, KID}


def test_what_names_the_person_is_what_nobody_else_has_and_a_phone_keeps_out_only_who_has_nothing_better() -> None:
    subject = Subject(frozenset({MUM}), frozenset({ID, PHONE}))
    assert set(erasing.naming(subject, {PHONE})) == {ID}
    assert [erasing.keeps_out(subject, each) for each in (ID, PHONE)] == [True, False]
    assert erasing.keeps_out(Subject(ids=frozenset({PHONE})), PHONE)
    assert not erasing.keeps_out(Subject(ids=frozenset({PHONE, MPID})), PHONE)


KINDS = st.sampled_from([*[("external_id", f"x{i}") for i in range(3)], *[("phone", f"+4{i}") for i in range(2)], MPID])
PEOPLE = st.tuples(st.sampled_from([MUM, KID, "dad@example.com", None]), st.sets(KINDS, max_size=3))


@given(st.lists(PEOPLE, max_size=12), st.sets(KINDS, max_size=3))
def test_nothing_with_another_e_mail_goes_and_nothing_that_could_be_anothers(
    people: list[tuple[str | None, set[Named]]], ids: set[Named]
) -> None:
    """Against the rule in other words: nobody whom an address or an identifier of theirs joins to somebody else."""
    traces = [trace(email, *named) for email, named in people]
    for (email, named), erased in zip(people, theirs([MUM], list(ids), traces), strict=True):
        if email:
            assert erased == (email == MUM)
            continue
        ranked = sorted(named, key=lambda each: STRENGTH.index(each[0]))
        if erased:
            assert ids & named, "something is shared with the person"
            first = ranked[: ranked.index(next(each for each in ranked if each in ids)) + 1]
            having = {owner for owner, theirs_too in people if owner and theirs_too & set(first)}
            assert having <= {MUM}, "nobody else's e-mail goes with it, nor with anything stronger"
        elif len(named) == 1 and named <= ids:
            assert {owner for owner, theirs_too in people if owner and theirs_too & named} - {MUM}


@given(st.lists(PEOPLE, max_size=8), st.sets(KINDS, max_size=3), PEOPLE)
def test_who_shares_nothing_with_the_person_changes_nothing(
    people: list[tuple[str | None, set[Named]]], ids: set[Named], more: tuple[str | None, set[Named]]
) -> None:
    apart = [(kind, f"of a stranger: {value}") for kind, value in more[1]]
    traces = [trace(email, *named) for email, named in people]
    before = theirs([MUM], list(ids), traces)
    assert theirs([MUM], list(ids), [*traces, trace("stranger@example.com", *apart)])[:-1] == before


def seen(profile_id: str, email: str | None, by: str = "external_id") -> Sighting:
    return Sighting(FoundProfile(profile_id, email, None, None), by)


def judged(*found: Sighting, knows: bool = True, several: bool = False, confirmed: Sequence[str] = ()) -> Verdict:
    return verdict(found, {MUM}.__contains__, knows_email=knows, several=several, confirmed=confirmed)


def test_a_profile_with_the_persons_e_mail_is_theirs_however_it_was_found_and_written() -> None:
    assert judged(seen("1", "Mum@Example.com", "email")) == Verdict(("1",), {})
    assert judged(seen("1", MUM, "email"), seen("1", MUM), seen("1", MUM, "remembered")) == Verdict(("1",), {})


def test_a_profile_with_another_e_mail_waits_for_a_look_and_the_persons_own_does_not() -> None:
    assert judged(seen("2", KID)) == Verdict((), {"2": "external_id"})
    assert judged(seen("2", KID, "email")) == Verdict((), {"2": "email"}), "a secondary address of somebody's"
    assert judged(seen("1", MUM, "email"), seen("2", KID)) == Verdict(("1",), {"2": "external_id"})


def test_a_profile_without_an_e_mail_is_theirs_where_it_is_the_only_one() -> None:
    assert judged(seen("3", None)) == Verdict(("3",), {})
    assert judged(seen("1", MUM, "email"), seen("3", None)) == Verdict(("1",), {"3": "external_id"})
    assert judged(seen("3", None), seen("4", None, "phone")) == Verdict((), {"3": "external_id", "4": "phone"})


def test_whoever_names_no_e_mail_is_whom_the_id_finds_if_that_is_one() -> None:
    assert judged(seen("2", KID), knows=False) == Verdict(("2",), {})
    assert judged(seen("2", KID), seen("3", None), knows=False).delete == ()
    assert judged(seen("2", KID), knows=False, several=True) == Verdict((), {"2": "external_id"})
    assert judged(seen("3", None), several=True).delete == ()


def test_what_somebody_confirmed_is_theirs_and_nothing_else() -> None:
    found = [seen("2", KID), seen("3", None)]
    assert judged(*found, confirmed=["2"]) == Verdict(("2",), {"3": "external_id"})
    assert judged(*found, confirmed=["2", "3", "gone"]) == Verdict(("2", "3"), {})


def test_of_nobody_found_there_is_nothing_to_decide() -> None:
    assert judged() == Verdict((), {})
