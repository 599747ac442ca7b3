"""What the survivor of a merge gets, and what is lost."""

from __future__ import annotations

from itertools import combinations

import pytest

from emulator.consents import EMAIL, SMS, Grant, Wish
from tests.support.emulator_account import NOW, OTHER_PHONE, PHONE, VALUES, Account
from tests.support.emulator_api import subscribed


@pytest.mark.parametrize(("stronger", "weaker"), list(combinations(VALUES, 2)))
def test_merging_leaves_the_higher_ranked_owner_alone(stronger: str, weaker: str) -> None:
    account = Account("merge")
    survivor = account.write(**{stronger: VALUES[stronger]})
    lost = account.write(**{weaker: VALUES[weaker]})
    given = {name: VALUES[name] for name in (weaker, stronger)}
    assert account.write(**given) is survivor
    assert account.everybody() == [survivor]
    assert survivor.attributes == given
    assert account.find("id", lost.id) is None
    assert all(account.find(name, value) is survivor for name, value in given.items())


def test_three_owners_become_one() -> None:
    account = Account("merge")
    ada = account.write(external_id="x")
    account.write(email="a@example.com", title="Dr")
    account.write(phone_number=PHONE, title="Prof", image="i")
    account.write(email="a@example.com", external_id="x", phone_number=PHONE)
    assert account.everybody() == [ada]
    assert (ada.attributes["title"], ada.attributes["image"]) == ("Dr", "i")


def test_what_the_survivor_has_wins_and_the_row_goes_over_both() -> None:
    account = Account("merge")
    ada = account.write(external_id="x", title="Dr", location={"city": "Oslo"}, properties={"a": 1})
    more = {"location": {"city": "Rome", "zip": "1"}, "properties": {"a": 2, "b": 3}}
    account.write(email="b@example.com", title="Prof", image="i", last_name="B", **more)
    account.write(external_id="x", email="b@example.com", last_name="C")
    assert ada.attributes == {
        "external_id": "x",
        "email": "b@example.com",
        "title": "Dr",
        "image": "i",
        "last_name": "C",
    }
    assert (ada.location, ada.properties) == ({"city": "Oslo", "zip": "1"}, {"a": 1, "b": 3})


def test_the_survivor_inherits_lists_and_events() -> None:
    account = Account("merge")
    ada, bob = account.write(external_id="x"), account.write(email="b@example.com")
    account.put(ada, "VIP")
    account.put(bob, "VIP", "News")
    account.track("1", email="b@example.com")
    account.track("2", external_id="x")
    account.write(external_id="x", email="b@example.com")
    assert sorted(account.lists(ada)) == ["News", "VIP"]
    assert {member for item in account.world.lists.by_id.values() for member in item.members} == {ada.id}
    assert account.events() == [(ada.id, "1"), (ada.id, "2")]


@pytest.mark.parametrize(("mine", "theirs", "last"), [(1, 2, 2), (2, 1, 2), (None, 1, 1), (1, None, 1), (None,) * 3])
def test_the_last_event_of_both_is_the_last_one(mine: int | None, theirs: int | None, last: int | None) -> None:
    account = Account("merge")
    ada, bob = account.write(external_id="x"), account.write(email="b@example.com")
    ada.last_event, bob.last_event = mine, theirs
    account.write(external_id="x", email="b@example.com")
    assert ada.last_event == last


def test_an_event_both_have_is_kept_once() -> None:
    account = Account("merge")
    ada = account.write(external_id="x")
    account.track("1", email="b@example.com")
    account.track("1", external_id="x")
    account.write(external_id="x", email="b@example.com")
    assert account.events() == [(ada.id, "1")]


@pytest.mark.parametrize("suppressed", ["external_id", "email"])
def test_suppressed_and_active_make_suppressed(suppressed: str) -> None:
    account = Account("merge")
    people = {"external_id": account.write(external_id="x"), "email": account.write(email="b@example.com")}
    people[suppressed].consent().suppressions["HARD_BOUNCE"] = NOW
    survivor = account.write(external_id="x", email="b@example.com")
    assert survivor.consent().suppressions == {"HARD_BOUNCE": NOW}


def test_of_two_suppressions_for_one_reason_the_older_date_stays() -> None:
    account = Account("merge")
    ada, bob = account.write(external_id="x"), account.write(email="b@example.com")
    ada.consent().suppressions["HARD_BOUNCE"] = NOW - 9
    bob.consent().suppressions["HARD_BOUNCE"] = NOW
    account.write(external_id="x", email="b@example.com")
    assert ada.consent().suppressions == {"HARD_BOUNCE": NOW - 9}


def test_lists_that_were_left_and_wishes_that_wait_come_along() -> None:
    account = Account("merge")
    ada, bob = account.write(external_id="x"), account.write(email="b@example.com")
    ada.consent().list_suppressions.update(a=1, b=1)
    bob.consent().list_suppressions.update(b=2, c=2)
    bob.consent().pending.append(Wish(subscribed("b@example.com"), "c", None))
    account.write(external_id="x", email="b@example.com")
    assert ada.consent().list_suppressions == {"a": 1, "b": 2, "c": 2}
    assert [wish.list_id for wish in ada.consent().pending] == ["c"]


@pytest.mark.parametrize(("mine", "theirs", "kept"), [(1, 2, "theirs"), (2, 1, "mine"), (1, 1, "theirs")])
def test_the_newer_consent_wins_and_at_a_tie_that_of_the_lost_profile(mine: float, theirs: float, kept: str) -> None:
    account = Account("merge")
    ada, bob = account.write(external_id="x"), account.write(email="b@example.com")
    ada.consent().grant(EMAIL, Grant("SUBSCRIBED", mine, mine, "mine"))
    bob.consent().grant(EMAIL, Grant("SUBSCRIBED", theirs, theirs, "theirs"))
    account.write(external_id="x", email="b@example.com")
    assert ada.consent().of(EMAIL).source == kept


@pytest.mark.parametrize(("own", "consent"), [({}, "SUBSCRIBED"), ({"phone_number": OTHER_PHONE}, "NEVER_SUBSCRIBED")])
def test_consent_to_sms_comes_with_its_own_number_only(own: dict[str, str], consent: str) -> None:
    account = Account("merge")
    ada = account.write(external_id="x", **own)
    bob = account.write(email="b@example.com", phone_number=PHONE)
    bob.consent().grant(SMS, Grant("SUBSCRIBED", NOW, NOW))
    account.write(external_id="x", email="b@example.com")
    assert ada.consent().of(SMS).consent == consent
    assert ada.attributes["phone_number"] == own.get("phone_number", PHONE)
