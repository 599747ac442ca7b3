"""A field that the CDP deleted is emptied on the profile of the person, whatever other profile has the identifier."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.identity_messages import Posted, add, identify, update
from tests.support.identity_world import IdentityWorld

ANN, BOB = "ann@example.com", "bob@example.com"
P = "+14155553000"

#: By identifier: what Klaviyo has of Ann, how Bob comes with the same value, and what is sent by the value alone.
CASES: dict[str, tuple[dict[str, Any], Posted, Posted]] = {
    "an external id": (
        {"external_id": "x-1"},
        add(BOB, "x-1", first_name="Bob"),
        update(external_id="x-1", first_name=None, city="Oslo"),
    ),
    "a phone": (
        {"phone_number": P},
        add(BOB, phone=P, first_name="Bob"),
        update(phone=P, first_name=None, city="Oslo"),
    ),
}


@pytest.mark.parametrize(("taken", "before", "cleared"), CASES.values(), ids=CASES)
def test_a_deleted_field_is_the_persons_own(
    who: IdentityWorld, taken: dict[str, Any], before: Posted, cleared: Posted
) -> None:
    who.put(email=ANN, first_name="Ann", location={"city": "Rome"}, **taken)
    who.send(before)
    who.send(cleared)
    assert named(who, ANN) == ("Ann", "Rome")
    assert named(who, BOB) == (None, "Oslo")
    assert who.reasons() == {}


def test_so_is_a_part_of_the_location_that_segment_deletes_for_a_user(who: IdentityWorld) -> None:
    who.put(email=ANN, external_id="u-1", first_name="Ann", location={"city": "Rome"})
    who.send(identify("u-1", email=BOB, firstName="Bob", address={"city": "Oslo"}))
    who.send(identify("u-1", address={"city": None}))
    assert named(who, ANN) == ("Ann", "Rome")
    assert named(who, BOB) == ("Bob", None)


def test_it_is_emptied_on_the_profile_that_has_the_identifier_where_that_is_the_person(who: IdentityWorld) -> None:
    who.send(add(BOB, "x-1", first_name="Bob"))
    who.send(update(external_id="x-1", first_name=None, city="Oslo"))
    assert named(who, BOB) == (None, "Oslo")


def test_an_e_mail_decides_whose_field_it_is(who: IdentityWorld) -> None:
    who.put(email=ANN, external_id="c-1", first_name="Ann", location={"city": "Rome"})
    who.send(add(BOB, "c-1", first_name="Bob"))
    who.send(update(BOB, "c-1", first_name=None, city="Oslo"))
    assert named(who, ANN) == ("Ann", "Rome")
    assert named(who, BOB) == (None, "Oslo")


def named(who: IdentityWorld, email: str) -> tuple[Any, Any]:
    """First name and city of a profile."""
    found = who.attributes(email)
    return found.get("first_name"), found.get("city")
