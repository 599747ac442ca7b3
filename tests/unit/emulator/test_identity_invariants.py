"""Whatever is written under whatever switch, an identifier has one owner, and nothing points at a lost profile."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from emulator.clashes import Clash
from emulator.profiles import MAX_EMAILS, ClashError
from tests.support.emulator_account import Account
from tests.support.emulator_api import row

FIELDS = ("external_id", "email", "phone_number", "_kx", "anonymous_id")
IDENTIFIERS = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(["A", "a", "b", "c", "d", "e", "f"]), min_size=1)
STEPS = st.lists(st.tuples(st.sampled_from(get_args(Clash)), st.booleans(), IDENTIFIERS), max_size=30)


def write(account: Account, identifiers: dict[str, str]) -> None:
    """Make or change a profile, put it on a list of its own and record an event of it."""
    number = str(len(account.everybody()))
    try:
        person = account.write(**identifiers)
    except ClashError:
        return
    account.put(person, f"list {number}")
    account.track(number, **identifiers)


def held(account: Account) -> Counter[tuple[str, str]]:
    """How many profiles hold each identifier; e-mail addresses are folded."""
    found: Counter[tuple[str, str]] = Counter()
    for person in account.everybody():
        others = [field for field in FIELDS if field != "email" and field in person.attributes]
        found.update((field, person.attributes[field]) for field in others)
        emails = [*person.secondary_emails, *filter(None, [person.attributes.get("email")])]
        found.update(("email", email.lower()) for email in emails)
    return found


def seen(account: Account) -> list[tuple[dict[str, object], list[str], list[str]]]:
    """The attributes, lists and events of every person, without the ids of the account."""
    return [
        (person.attributes, account.lists(person), [number for owner, number in account.events() if owner == person.id])
        for person in account.everybody()
    ]


@given(STEPS)
def test_every_identifier_has_one_owner_and_is_found_by_it(steps: list[tuple[Clash, bool, dict[str, str]]]) -> None:
    account = Account("refuse")
    for account.world.identity.clash, account.world.identity.multi_email, identifiers in steps:
        write(account, identifiers)
    assert all(count == 1 for count in held(account).values())
    for field in FIELDS:
        for value in ("A", "a", "b", "c", "d", "e", "f"):
            asked = value.lower() if field == "email" else value
            assert (account.find(field, value) is not None) == ((field, asked) in held(account))


@given(STEPS)
def test_lists_and_events_name_profiles_that_exist(steps: list[tuple[Clash, bool, dict[str, str]]]) -> None:
    account = Account("refuse")
    for account.world.identity.clash, account.world.identity.multi_email, identifiers in steps:
        write(account, identifiers)
    existing = {person.id for person in account.everybody()}
    assert {member for item in account.world.lists.by_id.values() for member in item.members} <= existing
    assert {profile_id for profile_id, _ in account.events()} <= existing


@given(STEPS)
def test_nobody_has_too_many_addresses_or_others_without_a_primary_one(
    steps: list[tuple[Clash, bool, dict[str, str]]],
) -> None:
    account = Account("refuse")
    for account.world.identity.clash, account.world.identity.multi_email, identifiers in steps:
        write(account, identifiers)
    for person in account.everybody():
        assert len(person.secondary_emails) < MAX_EMAILS
        assert person.attributes.get("email") or not person.secondary_emails


@given(st.lists(IDENTIFIERS, max_size=30))
def test_the_switch_makes_no_difference_to_rows_that_name_one_person_each(rows: list[dict[str, str]]) -> None:
    accounts = [Account(clash) for clash in get_args(Clash)]
    for identifiers in rows:
        owners = accounts[0].world.profiles.owners(row(**identifiers))
        if len({owner.id for _, owner in owners}) < 2:
            for account in accounts:
                write(account, identifiers)
    assert seen(accounts[0]) == seen(accounts[1]) == seen(accounts[2])
