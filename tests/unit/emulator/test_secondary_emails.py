"""The addresses of a profile that was merged, and that of the other."""

from __future__ import annotations

from typing import get_args

import pytest

from emulator.clashes import Clash
from emulator.filters import Clause
from emulator.profiles import Profile
from tests.support.emulator_account import NOW, PHONE, Account
from tests.support.emulator_api import row


def merging(*, multi_email: bool = False) -> Account:
    return Account("merge", multi_email=multi_email)


def test_without_several_addresses_the_lost_one_is_free_again() -> None:
    account = merging()
    ada = account.write(external_id="x", email="a@example.com")
    account.write(email="b@example.com")
    account.write(external_id="x", email="b@example.com")
    assert (ada.attributes["email"], ada.secondary_emails) == ("a@example.com", ())
    assert account.find("email", "b@example.com") is None
    assert account.write(email="b@example.com") is not ada


def test_with_several_addresses_the_lost_one_becomes_a_secondary_one() -> None:
    account = merging(multi_email=True)
    ada = account.write(external_id="x", email="a@example.com")
    account.write(email="b@example.com")
    account.write(external_id="x", email="b@example.com")
    assert (ada.attributes["email"], ada.secondary_emails) == ("a@example.com", ("b@example.com",))
    assert account.write(email="B@example.com", title="Dr") is ada
    assert ada.attributes["email"] == "a@example.com"


@pytest.mark.parametrize(("multi_email", "secondary"), [(True, ("b@example.com",)), (False, ())])
def test_a_shared_phone_joins_two_addresses(multi_email: bool, secondary: tuple[str, ...]) -> None:
    account = merging(multi_email=multi_email)
    wife = account.write(email="a@example.com")
    account.write(email="b@example.com", phone_number=PHONE)
    account.write(email="a@example.com", phone_number=PHONE)
    assert account.everybody() == [wife]
    assert (wife.attributes["email"], wife.secondary_emails) == ("a@example.com", secondary)
    assert wife.attributes["phone_number"] == PHONE


def test_with_several_addresses_a_new_one_beside_an_external_id_is_added() -> None:
    account = merging(multi_email=True)
    ada = account.write(external_id="x", email="a@example.com")
    account.write(external_id="x", email="new@example.com")
    assert (ada.attributes["email"], ada.secondary_emails) == ("a@example.com", ("new@example.com",))


def test_with_several_addresses_a_new_one_beside_the_id_renames() -> None:
    account = merging(multi_email=True)
    ada = account.write(external_id="x", email="a@example.com")
    account.write(ada.id, external_id="x", email="new@example.com")
    assert (ada.attributes["email"], ada.secondary_emails) == ("new@example.com", ())


def grown(count: int) -> tuple[Account, Profile]:
    """Somebody with a primary address and that many others, one after the other."""
    account = merging(multi_email=True)
    ada = account.write(external_id="x", email="a@example.com")
    for number in range(count):
        account.write(external_id="x", email=f"{number}@example.com")
    return account, ada


def test_of_more_than_five_addresses_the_oldest_secondary_one_goes() -> None:
    account, ada = grown(5)
    assert ada.attributes["email"] == "a@example.com"
    assert ada.secondary_emails == tuple(f"{number}@example.com" for number in (1, 2, 3, 4))
    assert account.find("email", "0@example.com") is None


def test_an_address_that_is_named_again_is_no_longer_the_oldest() -> None:
    account, ada = grown(4)
    account.write(email="0@example.com")
    account.write(external_id="x", email="4@example.com")
    assert ada.secondary_emails == tuple(f"{number}@example.com" for number in (2, 3, 0, 4))


def appended(account: Account, profile: Profile, *emails: str) -> tuple[str, ...]:
    """The secondary addresses once a row has asked for these."""
    meta = {"patch_identifiers": {"append": {"email": list(emails)}}}
    account.world.people.upsert({**row(), "id": profile.id, "meta": meta}, NOW, clear_nulls=False)
    return profile.secondary_emails


@pytest.mark.parametrize("clash", get_args(Clash))
def test_an_address_that_is_appended_is_a_secondary_one_unless_somebody_has_it(clash: Clash) -> None:
    account = Account(clash, multi_email=True)
    ada, bob = account.write(email="a@example.com"), account.write(email="b@example.com")
    assert appended(account, ada, "new@example.com", "b@example.com", "A@example.com") == ("new@example.com",)
    assert (account.find("email", "new@example.com"), account.find("email", "b@example.com")) == (ada, bob)


def test_an_account_with_one_address_each_appends_none() -> None:
    account = merging()
    assert appended(account, account.write(email="a@example.com"), "new@example.com") == ()
    assert account.find("email", "new@example.com") is None


def test_merging_two_with_several_addresses_keeps_five() -> None:
    account, ada = grown(4)
    account.write(external_id="y", email="b@example.com")
    account.write(external_id="y", email="c@example.com")
    account.write(external_id="x", email="b@example.com")
    assert account.everybody() == [ada]
    assert ada.secondary_emails == ("2@example.com", "3@example.com", "c@example.com", "b@example.com")


def test_without_a_primary_address_the_latest_of_the_others_takes_its_place() -> None:
    account, ada = grown(2)
    account.world.people.upsert({**row(email=None), "id": ada.id}, NOW, clear_nulls=True)
    assert (ada.attributes["email"], ada.secondary_emails) == ("1@example.com", ("0@example.com",))


@pytest.mark.parametrize(("taken", "left"), [("0@example.com", "a@example.com"), ("a@example.com", "0@example.com")])
def test_overwriting_takes_secondary_and_primary_addresses_alike(taken: str, left: str) -> None:
    account, ada = grown(1)
    account.world.identity.clash = "overwrite"
    bob = account.write(external_id="bob")
    account.write(external_id="bob", email=taken)
    assert (ada.attributes["email"], ada.secondary_emails) == (left, ())
    assert (account.find("email", taken), bob.attributes["email"]) == (bob, taken)


def test_whoever_is_deleted_is_found_by_no_address() -> None:
    account, ada = grown(2)
    account.world.profiles.delete(ada)
    found = [account.find("email", f"{name}@example.com") for name in ("a", "0", "1")]
    assert found == [None, None, None]


@pytest.mark.parametrize("asked", ["a@example.com", "1@example.com", "0@EXAMPLE.com"])
def test_a_filter_finds_a_person_once_by_any_address(asked: str) -> None:
    account, ada = grown(2)
    account.write(email="other@example.com")
    people = account.world.profiles
    assert people.select([Clause("equals", "email", (asked,))]) == [ada]
    assert people.select([Clause("any", "email", (asked, "0@example.com", "nobody@example.com"))]) == [ada]
    assert people.select([Clause("equals", "external_id", ("x",)), Clause("equals", "email", (asked,))]) == [ada]
