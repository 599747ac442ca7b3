"""A changed e-mail: the new address joins, and once it is on the list the old one leaves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.identity_messages import BATCHES, VIPS, Posted, entered, identify, member
from tests.support.identity_world import IdentityWorld

WORK, HOME, SPA, ANN = "work@example.com", "home@example.com", "spa@example.com", "ann@example.com"
SOURCES = pytest.mark.parametrize("source", ["mparticle", "mparticle with customer ids", "segment", "segment with ids"])


def said(source: str, email: str, leaves: bool = False, person: str = "7") -> Posted:
    """A person of this source enters the audience, or leaves it, under this address."""
    if "mparticle" in source:
        known: dict[str, Any] = {"customer": f"c-{person}"} if "customer" in source else {}
        return member(email, person, "delete" if leaves else "add", tag=email, **known)
    return entered(f"u-{person}", email, "ids" if "ids" in source else "default", exited=leaves)


@SOURCES
@BATCHES
def test_the_new_address_joins_and_the_old_one_leaves(who: IdentityWorld, together: bool, source: str) -> None:
    who.carry(together, said(source, ANN, person="8"), said(source, WORK), said(source, HOME))
    assert who.members() == {ANN, HOME}
    assert who.reasons() == {}
    assert together or not who.gone(WORK), "nobody is renamed"


@SOURCES
@BATCHES
def test_somebody_who_moves_twice_is_where_they_moved_last(who: IdentityWorld, together: bool, source: str) -> None:
    who.carry(together, *(said(source, email) for email in (WORK, HOME, SPA)))
    assert who.members() == {SPA}


@SOURCES
@BATCHES
def test_somebody_who_moves_back_is_at_home_again(who: IdentityWorld, together: bool, source: str) -> None:
    who.carry(together, *(said(source, email) for email in (HOME, WORK, HOME)))
    assert who.members() == {HOME}


@BATCHES
def test_no_attribute_moves_to_the_other_address(who: IdentityWorld, together: bool) -> None:
    who.put(email=WORK, first_name="Known")
    who.carry(together, member(WORK, "7", tag="work"), member(HOME, "7", plan="gold"))
    assert who.attributes(HOME) == {"plan": "gold"}
    assert who.attributes(WORK)["first_name"] == "Known"
    assert "plan" not in who.attributes(WORK)
    assert (who.identifiers(WORK), who.identifiers(HOME)) == ({"email": WORK}, {"email": HOME})


@BATCHES
def test_somebody_who_stays_under_the_old_address_for_another_reason_stays(who: IdentityWorld, together: bool) -> None:
    who.carry(together, member(WORK, "7"), member(WORK, "8"), member(HOME, "7"))
    assert who.members() == {WORK, HOME}, "the other user of that address has not moved"


def test_the_old_address_stays_while_the_new_one_cannot_be_delivered(who: IdentityWorld) -> None:
    who.carry(False, member(WORK, "7"), member("fail+blocked@example.com", "7"))
    assert who.members() == {WORK}
    assert len(who.letters()) == 1


@BATCHES
def test_a_new_address_that_is_on_the_list_already_still_ends_the_old_one(who: IdentityWorld, together: bool) -> None:
    who.put(VIPS, email=HOME)
    who.carry(together, member(WORK, "7"), member(HOME, "7"))
    assert who.members() == {HOME}


@SOURCES
@BATCHES
def test_somebody_who_leaves_under_a_new_address_is_off_the_list(
    who: IdentityWorld, together: bool, source: str
) -> None:
    who.carry(together, said(source, ANN, person="8"), said(source, WORK), said(source, HOME, leaves=True))
    assert who.members() == {ANN}
    assert who.reasons() == {}


@SOURCES
def test_somebody_who_moved_and_leaves_under_the_old_address_is_off_the_list(who: IdentityWorld, source: str) -> None:
    who.carry(False, said(source, WORK), said(source, HOME), said(source, WORK, leaves=True))
    assert who.members() == set()


@BATCHES
def test_a_profile_that_is_on_no_list_is_one_for_each_address(who: IdentityWorld, together: bool) -> None:
    who.carry(together, identify("u-7", email=WORK, firstName="W"), identify("u-7", email=HOME, title="H"))
    assert {email: who.attributes(email) for email in (WORK, HOME)} == {
        WORK: {"first_name": "W"},
        HOME: {"title": "H"},
    }
    assert len(who.everybody()) == 2


@BATCHES
def test_a_member_whose_address_differs_in_spelling_alone_has_not_moved(who: IdentityWorld, together: bool) -> None:
    who.carry(together, member("work@example.com", "7", plan="gold"), member(" Work@Example.COM", "7", city="Oslo"))
    assert {member.lower() for member in who.members()} == {WORK}
    assert len(who.everybody()) == 1
    assert who.attributes(WORK)["city"] == "Oslo"
