"""What Ferry remembers of profiles is not used after an identifier has gone to another person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.identity_messages import Posted, add, entered, identify, rows, update
from tests.support.identity_world import IdentityWorld
from worker.deliver import deliver

MUM, DAD, KID = (f"{name}@example.com" for name in ("mum", "dad", "kid"))
P, P2, P3 = "+14155553000", "+14155553001", "+14155553002"


def assert_apart(who: IdentityWorld, **phones: str | None) -> None:
    """Each has a profile of their own, is on the list, and has this phone."""
    found = {name: who.identifiers(f"{name}@example.com").get("phone_number") for name in phones}
    assert found == phones
    assert who.members() == {f"{name}@example.com" for name in phones}


@pytest.mark.parametrize("last", [add, update])
@pytest.mark.parametrize("when", [{}, {"at": "2026-01-01T00:00:00Z"}], ids=["newest", "late"])
def test_a_phone_that_another_person_has_by_now_is_not_sent_from_memory(
    who: IdentityWorld, last: Callable[..., Posted], when: dict[str, Any]
) -> None:
    who.send(add(MUM, phone=P))
    who.send(update(MUM, phone=P2))
    who.send(add(DAD, phone=P))
    who.send(last(MUM, phone=P, **when))
    assert_apart(who, mum=P2, dad=P)
    assert who.warned()["identifier_taken"] == 1


def test_nor_is_it_after_it_has_gone_through_a_third_person(who: IdentityWorld) -> None:
    for email, phone in [(MUM, P), (MUM, P2), (DAD, P), (DAD, P3), (KID, P), (MUM, P), (DAD, P)]:
        who.send(add(email, phone=phone))
    assert_apart(who, mum=P2, dad=P3, kid=P)


def test_nor_is_it_when_a_user_identifies_with_it(who: IdentityWorld) -> None:
    who.send(entered("u-1", MUM), identify("u-1", email=MUM, phone=P))
    who.send(identify("u-1", email=MUM, phone=P2))
    who.send(entered("u-2", DAD), identify("u-2", email=DAD, phone=P))
    who.send(identify("u-1", email=MUM, phone=P))
    assert_apart(who, mum=P2, dad=P)


def test_nor_is_it_when_two_people_swap_phones_in_full_snapshots(who: IdentityWorld) -> None:
    for told in ([(MUM, P)], [(MUM, P2)], [(MUM, P2), (DAD, P)], [(MUM, P), (DAD, P2)]):
        who.send(rows([{"email": email, "phone_number": phone} for email, phone in told], connection="full"))
    assert_apart(who, mum=P2, dad=P)


@pytest.mark.parametrize(
    ("name", "kind", "old", "new"), [("phone_number", "phone", P, P2), ("external_id", "external_id", "x-1", "x-2")]
)
def test_nor_is_a_value_that_was_changed_by_hand_once_ferry_has_given_it_to_another_person(
    who: IdentityWorld, name: str, kind: str, old: str, new: str
) -> None:
    who.send(add(MUM, **{kind: old}))
    profile_id = who.person(MUM)["id"]
    by_hand = {"data": {"type": "profile", "id": profile_id, "attributes": {name: new}}}
    assert who.klaviyo.call("PATCH", f"/api/profiles/{profile_id}", json=by_hand).status_code == 200
    who.send(add(DAD, **{kind: old}))
    who.send(update(MUM, **{kind: old}))
    assert [who.identifiers(email)[name] for email in (MUM, DAD)] == [new, old]


def test_a_phone_that_the_person_gets_back_and_nobody_else_has_is_sent(who: IdentityWorld) -> None:
    for phone in (P, P2, P):
        who.send(update(MUM, phone=phone))
    assert who.identifiers(MUM)["phone_number"] == P
    assert who.warned() == {}


#: Another connection to the same account.
OTHER: dict[str, Any] = {"connection": "keeping", "audience": ("90", "Other")}


@pytest.mark.parametrize("last", [add, update])
def test_nor_is_one_that_another_connection_to_the_account_has_given_on(
    who: IdentityWorld, last: Callable[..., Posted]
) -> None:
    who.send(add(MUM, phone=P))
    who.send(update(MUM, phone=P2, **OTHER))
    who.send(add(DAD, phone=P, **OTHER))
    who.send(last(MUM, phone=P))
    assert [who.identifiers(email).get("phone_number") for email in (MUM, DAD)] == [P2, P]
    assert (who.members(), who.members("Other")) == ({MUM}, {DAD})


def test_a_person_of_two_connections_gets_the_newest_phone_of_either(who: IdentityWorld) -> None:
    for phone, where in [(P, {}), (P2, OTHER), (P, {}), (P3, OTHER), (P3, {})]:
        who.send(add(MUM, phone=phone, **where))
    assert who.identifiers(MUM)["phone_number"] == P3
    assert (who.members(), who.members("Other"), who.warned()) == ({MUM}, {MUM}, {})


@pytest.mark.parametrize(
    "where", [OTHER, {"audience": ("90", "Other")}, {}], ids=["two connections", "two lists", "one list"]
)
def test_two_people_who_get_one_phone_at_the_same_time_stay_two(who: IdentityWorld, where: dict[str, Any]) -> None:
    who.account.jobs.seconds = 5
    try:
        who.post(add(MUM, phone=P), add(DAD, phone=P, **where))
        for batch_id in who.take():
            deliver(batch_id)
        who.pass_at_klaviyo(10)
    finally:
        who.account.jobs.seconds = 0
    who.settle()
    assert {*who.members(), *who.members("Other")} == {MUM, DAD}
    assert len(who.has("phone_number", P)) == 1
    assert who.warned() == {"identifier_taken": 1}
