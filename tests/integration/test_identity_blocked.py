"""Values that identify nobody: a person who has one is not taken for anybody else who has it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.identity_messages import BATCHES, add, consent, identify, member, remove, update
from tests.support.identity_world import IdentityWorld

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"
#: Nothing but what each person was told to have.
OWN = {ANN: {"diagnosis": "private"}, BOB: {"first_name": "Bob"}, CID: {}}
#: Spelled as people, exports and programs spell it.
NOBODY = [
    *("null", "NULL", " null ", "0", "undefined", "N/A", "n/a", "guest", "Guest", "-", "--", "none", "None", "0000"),
    "00000000-0000-0000-0000-000000000000",
    0,
]


def whole(who: IdentityWorld, *, listed: bool = True) -> None:
    """All three are there, each with their own attributes and none with an external id."""
    assert {email: who.attributes(email) for email in OWN} == OWN
    assert {email: who.identifiers(email) for email in OWN} == {email: {"email": email} for email in OWN}
    assert len(who.everybody()) == 3
    assert who.members() == (set(OWN) if listed else set())


@BATCHES
@pytest.mark.parametrize("value", NOBODY)
def test_three_people_with_a_value_that_is_nobodys_are_three_people(
    who: IdentityWorld, together: bool, value: str | int
) -> None:
    who.carry(together, *(add(email, value, **own) for email, own in OWN.items()))
    whole(who)
    assert who.counts() == {"accepted": 3, "delivered": 3}
    assert who.warned()["identifier_blocked"] == 3


@BATCHES
def test_they_are_three_in_whichever_order_they_come(who: IdentityWorld, together: bool) -> None:
    who.carry(together, *(add(email, "null", **own) for email, own in reversed(OWN.items())))
    whole(who)


@BATCHES
def test_all_that_is_said_of_one_person_arrives_beside_a_blocked_value(who: IdentityWorld, together: bool) -> None:
    who.carry(together, add(ANN, "null", plan="gold"), add(BOB, "null"), update(ANN, "null", city="Oslo"))
    assert who.attributes(ANN) == {"plan": "gold", "city": "Oslo"}
    assert who.attributes(BOB) == {}
    assert who.members() == {ANN, BOB}


@BATCHES
@pytest.mark.parametrize("value", ["0", "undefined", "null", "00000000-0000-0000-0000-000000000000"])
def test_segments_user_ids_are_nobodys_too(who: IdentityWorld, together: bool, value: str) -> None:
    told = {ANN: {"diagnosis": "private"}, BOB: {"firstName": "Bob"}, CID: {}}
    messages = [identify(value, "ids", email=email, **traits) for email, traits in told.items()]
    who.carry(together, *messages)
    whole(who, listed=False)


@BATCHES
@pytest.mark.parametrize("value", ["0", "N/A", "guest"])
def test_mparticles_customer_ids_are_nobodys_too(who: IdentityWorld, together: bool, value: str) -> None:
    told: dict[str, dict[str, Any]] = {ANN: {"diagnosis": "private"}, BOB: {"$firstname": "Bob"}, CID: {}}
    people = enumerate(told.items(), start=100)
    who.carry(together, *(member(email, str(mpid), customer=value, **own) for mpid, (email, own) in people))
    whole(who)


@BATCHES
@pytest.mark.parametrize("mpid", ["-1", "null", "0"])
def test_mparticles_own_ids_are_nobodys_too(who: IdentityWorld, together: bool, mpid: str) -> None:
    told: dict[str, dict[str, Any]] = {ANN: {"diagnosis": "private"}, BOB: {"$firstname": "Bob"}, CID: {}}
    who.carry(together, *(member(email, mpid, **own) for email, own in told.items()))
    whole(who)


@BATCHES
@pytest.mark.parametrize("value", ["0", "n/a"])
def test_who_leaves_takes_nobody_along_who_has_the_same_nothing(who: IdentityWorld, together: bool, value: str) -> None:
    who.put("VIPs", email=BOB)
    who.carry(together, add(ANN, value), remove(BOB, value))
    assert who.members() == {ANN}
    who.carry(together, add(CID, value), remove(ANN, value), add(BOB, value))
    assert who.members() == {BOB, CID}


def test_a_blocked_value_alone_is_nobody_and_a_dead_letter(who: IdentityWorld) -> None:
    who.send(add(ANN, "null"), remove(external_id="null"), update(external_id="null", plan="gold"))
    assert who.members() == {ANN}
    assert who.attributes(ANN) == {}
    assert len(who.letters()) == 2


@pytest.mark.parametrize("mpid", ["null", "-1", "0"])
def test_a_consent_of_nobodys_id_is_no_consent_of_others_with_that_id(who: IdentityWorld, mpid: str) -> None:
    who.send(consent("agreed@example.com", mpid))
    who.send(member("neverasked@example.com", mpid))
    assert who.members() == {"neverasked@example.com"}
    assert who.klaviyo.consent("neverasked@example.com") == "NEVER_SUBSCRIBED"
    who.send(member("agreed@example.com", mpid))
    assert who.klaviyo.consent("agreed@example.com") == "SUBSCRIBED"
    assert who.klaviyo.consent("neverasked@example.com") == "NEVER_SUBSCRIBED"


def test_a_consent_with_an_id_alone_is_that_of_the_person_with_the_id(who: IdentityWorld) -> None:
    who.send(consent(None, "4711"))
    who.send(member(ANN, "4711"), member(BOB, "4712"))
    assert who.klaviyo.consent(ANN) == "SUBSCRIBED"
    assert who.klaviyo.consent(BOB) == "NEVER_SUBSCRIBED"


def test_a_consent_of_an_address_is_not_carried_over_to_the_next_address(who: IdentityWorld) -> None:
    who.send(consent("old@example.com", "4711"))
    who.send(member("new@example.com", "4711"))
    assert who.klaviyo.consent("new@example.com") == "NEVER_SUBSCRIBED"


@BATCHES
@pytest.mark.parametrize("text", ["null", "n/a", "NULL", "no_email", "-"])
def test_a_placeholder_for_an_e_mail_leaves_the_id_to_identify_the_person(
    who: IdentityWorld, together: bool, text: str
) -> None:
    who.send(add(ANN, "c-1"), add(BOB, "c-2"))
    who.carry(together, update(text, "c-1", plan="gold"), update(text, "c-2", plan="blue"))
    assert [who.attributes(email) for email in (ANN, BOB)] == [{"plan": "gold"}, {"plan": "blue"}]
    assert who.reasons() == {}
    assert who.warned() == {"identifier_blocked": 2}


def test_a_placeholder_for_an_e_mail_and_nothing_else_is_nobody(who: IdentityWorld) -> None:
    who.send(add(ANN), remove("null"), add("n/a", plan="gold"))
    assert who.members() == {ANN}
    assert who.reasons() == {"identifier_blocked": 2}


def test_a_mistyped_e_mail_is_still_refused_beside_an_id(who: IdentityWorld) -> None:
    who.send(add(ANN, "c-1"), update("ann.example.com", "c-1", plan="gold"))
    assert who.attributes(ANN) == {}
    assert who.reasons() == {"email_invalid": 1}


PASSED_ON = pytest.mark.parametrize("kind", ["external_id", "phone"])


def value(kind: str, number: int) -> dict[str, str]:
    """One of many ids or phones."""
    return {kind: f"x-{number}" if kind == "external_id" else f"+1415555300{number}"}


@PASSED_ON
def test_a_value_that_is_passed_on_is_not_shared(who: IdentityWorld, kind: str) -> None:
    for number in range(1, 6):
        person = f"p{number}@example.com"
        who.send(add(person, **value(kind, 0)))
        if number < 5:
            who.send(update(person, **value(kind, number)))
    who.send(update(**value(kind, 0), plan="gold"))
    assert who.attributes("p5@example.com") == {"plan": "gold"}
    assert who.attributes("p1@example.com") == {}
    assert who.warned()["identifier_shared"] == 0


@PASSED_ON
def test_nor_is_one_whose_people_were_taken_off_by_it(who: IdentityWorld, kind: str) -> None:
    for number in range(5):
        who.send(add(f"p{number}@example.com", **value(kind, 0)))
        assert who.members() == {f"p{number}@example.com"}
        if number < 4:
            who.send(remove(**value(kind, 0)))
    who.send(update(**value(kind, 0), plan="gold"))
    assert who.attributes("p4@example.com") == {"plan": "gold"}
    assert who.warned()["identifier_shared"] == 0
