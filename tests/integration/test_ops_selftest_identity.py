"""`ferry selftest --identity` says what an account does with people who share an identifier, and what follows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from emulator import contract, phones, profiles, rules, rules_jobs
from emulator.filters import Clause, holds
from emulator.profiles import Profile, Profiles
from ops.selftest import people
from ops.selftest.identity_questions import QUESTIONS
from tests.support.selftest import Account, answers, verdicts

VERIFIED = 'Setting identifiers = "verified" (the default): safe here, as with refuse, overwrite and merge.'
#: By the switch of the account: the verdict, and what is said of `trust_cdp`.
EXPECTED = {
    "refuse": ("is refused.", "safe only while no two people in the CDP share a value"),
    "overwrite": ("moves from one person", "not safe here: with overwrite"),
    "merge": ("become one profile", "not safe here: with merge"),
}
NAMED = "(phone, phone alone, external id): "


@pytest.mark.parametrize("multi_email", [False, True])
@pytest.mark.parametrize("clash", EXPECTED)
def test_the_verdict_names_what_the_account_does_and_what_follows(
    selftest_account: Account, clash: str, multi_email: bool
) -> None:
    selftest_account.empty(clash, multi_email=multi_email)
    told = selftest_account.selftest("--identity")
    assert told.exit_code == 0, told.output
    means, trusted = EXPECTED[clash]
    does, emails, verified, trust = verdicts(told)
    assert does.startswith(f"Verdict: {clash} {NAMED}")
    assert means in does
    assert emails.startswith(f"Verdict: a profile {'can have several e-mails' if multi_email else 'has one e-mail'} ")
    assert verified == VERIFIED
    assert trust.startswith(f'Setting identifiers = "trust_cdp": {trusted}')
    assert told.stdout.splitlines()[-4:] == [does, emails, verified, trust]
    assert selftest_account.left() == []


def test_each_question_has_an_answer_in_words(selftest_account: Account) -> None:
    selftest_account.empty("merge", multi_email=True)
    seen = answers(selftest_account.selftest("--identity"))
    assert [asked.asked for asked in QUESTIONS] == list(seen)
    assert {asked[0] for asked in seen} == set("12345678")
    assert seen["1 A's e-mail with B's phone"].startswith("merge; A's profile now has B's phone; B's profile is gone (")
    assert seen["2 A's e-mail with B's external id"].startswith("merge; A's profile is gone (")
    assert seen["3 a new e-mail with A's external id"].startswith("append; A's profile has both e-mails")
    assert seen["4 two rows with one phone"].startswith(
        "one profile; both became one profile, which shows the e-mail of the last"
    )
    assert seen["5 the same e-mail in upper case"].startswith("one profile; ")
    second = "several e-mails; a look-up of profiles by the second one finds the profile, of members finds the profile"
    assert seen["6 a look-up by a second e-mail"] == second
    assert seen["7 a good e-mail with a bad phone"].startswith(
        "refuse; refused immediately, 400 invalid: Invalid phone"
    )
    assert seen["8 a row with only a profile's id"].startswith("take; the profile is on the list")


def test_who_loses_an_identifier_to_whom_is_said(selftest_account: Account) -> None:
    selftest_account.empty("overwrite")
    seen = answers(selftest_account.selftest("--identity"))
    lost = "overwrite; A's profile now has B's phone; B's profile lost its phone ("
    assert seen["1 A's e-mail with B's phone"].startswith(lost)
    assert seen["1 the same, with a B who has only a phone"].startswith(lost)
    assert seen["2 A's e-mail with B's external id"].startswith(
        "overwrite; A's profile lost its e-mail; B's profile now has A's e-mail ("
    )


def test_klaviyos_reason_for_refusing_two_owners_is_shown(selftest_account: Account) -> None:
    seen = answers(selftest_account.selftest("--identity"))
    assert (
        "refuse; complete, 0 imported, 1 failed, invalid: Duplicate phone number found"
        in seen["1 A's e-mail with B's phone"]
    )
    assert "Duplicate email found" in seen["2 A's e-mail with B's external id"]


def test_a_live_account_is_not_asked(selftest_account: Account) -> None:
    selftest_account.api.control("account", {"test_account": False})
    told = selftest_account.selftest("--identity")
    assert (told.exit_code, "--on-a-live-account" in told.stderr) == (1, True)
    assert [entry["path"] for entry in selftest_account.api.get("/_emulator/requests").json()] == ["/api/accounts"]


def test_a_question_without_an_answer_leaves_the_others_and_is_no_verdict(selftest_account: Account) -> None:
    match = {"path": "/api/profile-bulk", "body": '"external_id":"'}
    fault = {"fault": "400_list", "match": match, "times": 2}
    selftest_account.api.control("faults", fault)
    told = selftest_account.selftest("--identity")
    assert told.exit_code == 1
    assert (
        "failed  2 A's e-mail with B's external id: its people could not be created: refused immediately, 400"
        in told.stdout
    )
    assert len(answers(told)) == len(QUESTIONS) - 2
    does, emails, _, trust = verdicts(told)
    assert does.startswith("Verdict: refuse (phone, phone alone): ")
    assert does.endswith("; unknown (external id).")
    assert "has one e-mail" in emails
    assert trust == 'Setting identifiers = "trust_cdp": not known to be safe here; do not use it.'
    assert selftest_account.left() == []


def test_without_a_list_nothing_is_asked(selftest_account: Account) -> None:
    selftest_account.api.control(
        "faults", {"fault": "400", "match": {"method": "POST", "path": "/api/lists"}, "times": 9}
    )
    told = selftest_account.selftest("--identity")
    assert told.exit_code == 1
    assert "failed  create a list: " in told.stdout
    assert answers(told) == {}
    assert "unknown whether the account refuses, overwrites or merges" in verdicts(told)[0]


def test_a_second_email_that_is_refused_means_one_email(selftest_account: Account) -> None:
    selftest_account.empty("merge", multi_email=False)
    selftest_account.api.control(
        "faults", {"fault": "400", "match": {"path": "/api/profile-bulk", "body": "patch_identifiers"}}
    )
    told = selftest_account.selftest("--identity")
    assert told.exit_code == 0
    answer = "one e-mail; Klaviyo does not accept a second one: refused immediately, 400"
    assert answers(told)["6 a look-up by a second e-mail"].startswith(answer)
    assert "has one e-mail" in verdicts(told)[1]


def test_several_emails_are_seen_where_no_filter_finds_the_second(
    selftest_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    selftest_account.empty("merge", multi_email=True)
    usual = Profiles.select

    def by_what_is_shown(all_of_them: Profiles, clauses: Sequence[Clause]) -> list[Profile]:
        found = usual(all_of_them, clauses)
        return [one for one in found if all(holds(clause, one.value(clause.field)) for clause in clauses)]

    monkeypatch.setattr(Profiles, "select", by_what_is_shown)
    monkeypatch.setattr(Profile, "values", lambda profile, field: (profile.value(field),))
    told = selftest_account.selftest("--identity")
    seen = answers(told)
    assert seen["3 a new e-mail with A's external id"].startswith("append; ")
    second = "several e-mails; a look-up of profiles by the second one finds nobody, of members finds nobody"
    assert seen["6 a look-up by a second e-mail"] == second
    assert "can have several e-mails" in verdicts(told)[1]


def test_a_bad_phone_that_is_left_out_is_told_with_klaviyos_header(
    selftest_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = "ProfileUpsertQueryResourceObject"
    monkeypatch.setitem(rules_jobs.OBJECTS, schema, rules.phone_left_out)
    monkeypatch.delitem(rules_jobs.VALUES, (schema, "profile", "phone_number"))
    monkeypatch.setattr(contract, "contract", contract.contract.__wrapped__)
    answer = answers(selftest_account.selftest("--identity"))["7 a good e-mail with a bad phone"]
    assert answer.startswith("leave out; the profile has no phone (")
    assert answer.endswith(", X-Klaviyo-Partial-Failure: phone_number)")


def test_a_bad_phone_that_is_stored_is_told(selftest_account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phones, "takes", lambda _number: True)
    answer = answers(selftest_account.selftest("--identity"))["7 a good e-mail with a bad phone"]
    assert answer.startswith("take; the profile has a phone (")
    assert answer.endswith(", no X-Klaviyo-Partial-Failure)")


@pytest.mark.parametrize("clash", EXPECTED)
def test_whoever_has_such_a_phone_already_is_left_alone(
    selftest_account: Account, monkeypatch: pytest.MonkeyPatch, clash: str
) -> None:
    selftest_account.empty(clash)
    stranger = selftest_account.api.make_profile(email="stranger@example.com", phone_number="+12025550100")
    drawn = iter(["+12025550100", "+12025550101", "+12025550100"] + [f"+120255501{n}" for n in range(10, 99)])
    monkeypatch.setattr(people, "_drawn", lambda: next(drawn))
    before = selftest_account.api.person(stranger)
    assert selftest_account.selftest("--identity").exit_code == 0
    assert selftest_account.api.person(stranger) == before
    assert selftest_account.left() == [stranger]


def test_without_a_free_phone_the_questions_about_phones_fail(
    selftest_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    selftest_account.api.make_profile(email="stranger@example.com", phone_number="+12025550100")
    monkeypatch.setattr(people, "_drawn", lambda: "+12025550100")
    told = selftest_account.selftest("--identity")
    assert told.exit_code == 1
    assert "failed  1 A's e-mail with B's phone: the account has all 20 phone numbers that were tried" in told.stdout
    assert [asked[0] for asked in answers(told)] == ["2", "3", "5", "6", "8"]


def test_an_account_that_tells_upper_case_apart_shows_two_profiles(
    selftest_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "_key", lambda _field, value: value)
    told = selftest_account.selftest("--identity")
    assert answers(told)["5 the same e-mail in upper case"].startswith(
        "two profiles; the import wrote to FERRY-SELFTEST-"
    )
    assert selftest_account.left() == []
