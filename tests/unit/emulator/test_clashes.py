"""What becomes of a row whose identifiers belong to two profiles, under each switch of the account."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import pytest

from emulator.clashes import Clash
from emulator.profiles import ClashError, UnknownProfileError
from tests.support.emulator_account import NOW, OTHER_PHONE, PHONE, VALUES, Account
from tests.support.emulator_api import row

EVERY: tuple[Clash, ...] = get_args(Clash)
PAIRS = list(combinations(VALUES, 2))


@pytest.mark.parametrize("clash", EVERY)
@pytest.mark.parametrize("name", VALUES)
def test_a_row_with_one_identifier_never_clashes(clash: Clash, name: str) -> None:
    account = Account(clash, multi_email=True)
    everybody = {field: account.write(**{field: value}) for field, value in VALUES.items()}
    assert account.write(**{name: VALUES[name]}, title="Dr") is everybody[name]
    assert [person.attributes.get("title") for person in account.everybody()].count("Dr") == 1
    assert len(account.everybody()) == len(VALUES)


@pytest.mark.parametrize("clash", EVERY)
def test_a_new_external_id_is_attached_to_the_profile_of_the_address(clash: Clash) -> None:
    account = Account(clash)
    ada = account.write(email="a@example.com")
    assert account.write(email="A@example.com", external_id="new") is ada
    assert account.find("external_id", "new") is ada


@pytest.mark.parametrize("clash", EVERY)
def test_a_new_phone_replaces_that_of_the_address(clash: Clash) -> None:
    account = Account(clash)
    ada = account.write(email="a@example.com", phone_number=PHONE)
    account.write(email="a@example.com", phone_number=OTHER_PHONE)
    assert account.find("phone_number", PHONE) is None
    assert account.find("phone_number", OTHER_PHONE) is ada


@pytest.mark.parametrize("clash", EVERY)
@pytest.mark.parametrize("known", [{"external_id": "x"}, {"phone_number": PHONE}])
def test_a_new_address_beside_another_identifier_renames_its_profile(clash: Clash, known: dict[str, str]) -> None:
    account = Account(clash)
    ada = account.write(email="a@example.com", **known)
    assert account.write(email="new@example.com", **known) is ada
    assert (ada.attributes["email"], ada.secondary_emails) == ("new@example.com", ())
    assert account.find("email", "a@example.com") is None


@pytest.mark.parametrize("clash", EVERY)
def test_an_id_nobody_has_changes_nothing(clash: Clash) -> None:
    account = Account(clash)
    ada, bob = account.write(email="a@example.com"), account.write(external_id="bob")
    with pytest.raises(UnknownProfileError):
        account.write("01X", email="a@example.com", external_id="bob", title="Dr")
    assert [person.attributes for person in (ada, bob)] == [{"email": "a@example.com"}, {"external_id": "bob"}]


@pytest.mark.parametrize("clash", EVERY)
def test_creating_refuses_a_taken_identifier_whatever_the_switch(clash: Clash) -> None:
    account = Account(clash)
    ada = account.write(email="a@example.com")
    with pytest.raises(ClashError) as refused:
        account.world.profiles.create(row(email="a@example.com", external_id="x"), NOW)
    assert refused.value.owner_id == ada.id


@pytest.mark.parametrize(("stronger", "weaker"), PAIRS)
def test_two_owners_are_refused_in_favour_of_the_higher_ranked(stronger: str, weaker: str) -> None:
    account = Account("refuse")
    account.write(**{stronger: VALUES[stronger]})
    owner = account.write(**{weaker: VALUES[weaker]})
    with pytest.raises(ClashError) as refused:
        account.write(**{name: VALUES[name] for name in (weaker, stronger)}, title="Dr")
    assert (refused.value.field, refused.value.owner_id) == (weaker, owner.id)
    assert all("title" not in person.attributes for person in account.everybody())


@pytest.mark.parametrize(("stronger", "weaker"), PAIRS)
def test_overwriting_takes_the_lower_ranked_identifier_off_its_owner(stronger: str, weaker: str) -> None:
    account = Account("overwrite")
    target = account.write(**{stronger: VALUES[stronger]})
    loser = account.write(**{weaker: VALUES[weaker]}, title="Dr")
    account.put(loser, "VIP")
    given = {name: VALUES[name] for name in (weaker, stronger)}
    assert account.write(**given) is target
    assert target.attributes == given
    assert loser.attributes == {"title": "Dr"}
    assert (account.find(weaker, VALUES[weaker]), account.lists(loser), account.lists(target)) == (target, ["VIP"], [])


def test_overwriting_by_id_goes_before_every_identifier() -> None:
    account = Account("overwrite")
    ada, bob = account.write(email="a@example.com"), account.write(external_id="bob", email="b@example.com")
    assert account.write(ada.id, external_id="bob", email="b@example.com") is ada
    assert ada.attributes == {"external_id": "bob", "email": "b@example.com"}
    assert (bob.attributes, account.find("email", "a@example.com")) == ({}, None)


@pytest.mark.parametrize(
    ("clash", "email", "people"),
    [("refuse", None, 2), ("overwrite", "a@example.com", 2), ("merge", "a@example.com", 1)],
)
def test_an_event_of_two_people_is_that_of_the_higher_ranked(clash: Clash, email: str | None, people: int) -> None:
    account = Account(clash)
    account.write(email="a@example.com")
    bob = account.write(external_id="bob")
    account.track("1", email="a@example.com", external_id="bob")
    assert account.events() == [(bob.id, "1")]
    assert (bob.attributes.get("email"), len(account.everybody())) == (email, people)
