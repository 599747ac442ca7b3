"""What is read from profiles before and after a row that names two people, and what the answers come to."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo.lookups import FoundProfile
from ops.selftest.changes import Clash, Did, clash
from ops.selftest.identity_questions import QUESTIONS
from ops.selftest.verdict import CLASHES, verdict

A = FoundProfile("01A", "a@example.com", None, None)
B = FoundProfile("01B", "b@example.com", "+12025550123", "b-1")
NAMES = [question.name for question in QUESTIONS]


def became(*after: FoundProfile) -> tuple[str, str]:
    seen = clash({"A": A, "B": B}, {each.id: each for each in after}, "complete")
    return seen.did, seen.said


def test_profiles_that_stay_as_they_were_mean_that_the_identifier_was_left_out() -> None:
    assert became(A, B) == ("leave out", "no profile was changed (complete)")


def test_a_phone_that_changed_hands_means_overwrite() -> None:
    after = FoundProfile("01A", A.email, B.phone_number, None), FoundProfile("01B", B.email, None, "b-1")
    told = "A's profile now has B's phone; B's profile lost its phone (complete)"
    assert became(*after) == ("overwrite", told)


def test_a_profile_that_is_gone_means_merge() -> None:
    after = FoundProfile("01A", A.email, B.phone_number, "b-1")
    told = "A's profile now has B's phone; A's profile now has B's external id; B's profile is gone (complete)"
    assert became(after) == ("merge", told)


def test_a_value_that_is_nobodys_is_told_as_new() -> None:
    assert (
        became(FoundProfile("01A", "x@example.com", None, None), B)[1] == "A's profile now has a new e-mail (complete)"
    )


def test_different_ways_are_told_apart() -> None:
    seen: dict[str, Did] = {"phone": "refuse", "phone alone": "merge", "external id": "refuse"}
    does, _, _, trust = verdict(seen)
    assert does.startswith("Verdict: refuse (phone, external id): ")
    assert "; merge (phone alone): " in does
    assert "not safe here: with merge one" in trust


@pytest.mark.parametrize(("did", "kept"), [("append", True), ("rename", False)])
def test_a_second_email_that_is_appended_shows_several_emails(did: Did, kept: bool) -> None:
    emails = verdict({"second e-mail": "one e-mail", "new e-mail": did})[1]
    assert ("can have several e-mails" in emails, "has one e-mail" in emails) == (kept, not kept)


def test_where_two_people_of_one_import_stay_two_and_nobody_is_changed_trust_holds() -> None:
    seen: dict[str, Did] = {"phone": "refuse", "phone alone": "leave out", "external id": "refuse"}
    assert "safe here" in verdict({**seen, "one phone": "two profiles"})[3]
    assert "safe only while no two people" in verdict({**seen, "one phone": "one profile"})[3]


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from([*get_args(Clash), "one profile", "two profiles"])))
def test_trust_is_never_said_to_hold_where_it_may_not(seen: dict[str, Did]) -> None:
    lines = verdict(seen)
    asked = [seen.get(name) for name in CLASHES]
    safe = None not in asked and not {"overwrite", "merge"} & {*asked}
    assert len(lines) == 4
    assert ('"trust_cdp": safe' in lines[3]) == safe
    assert '"verified" (the default): safe' in lines[2]
