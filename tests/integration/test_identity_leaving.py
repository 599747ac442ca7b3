"""Who leaves is found under all that they are known by, nobody else is, and who is not found is counted apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.identity_messages import BATCHES, VIPS, Posted, add, member, remove, update
from tests.support.identity_world import IdentityWorld

OLD, NEW, ANN, MUM, KID = (f"{name}@example.com" for name in ("old", "new", "ann", "mum", "kid"))
ID, PHONE = "c-1", "+14155552671"


@BATCHES
def test_somebody_who_leaves_under_a_new_address_with_the_same_id_is_off(who: IdentityWorld, together: bool) -> None:
    who.carry(together, add(OLD, ID), add(ANN, "c-2"), remove(NEW, ID))
    assert who.members() == {ANN}
    assert together or who.warned()["not_on_list"] == 0


@BATCHES
@pytest.mark.parametrize("known", [{"external_id": ID}, {"phone": PHONE}], ids=["id", "phone"])
def test_a_new_address_takes_off_nobody_by_what_several_people_have(
    who: IdentityWorld, together: bool, known: dict[str, str]
) -> None:
    who.carry(together, add(MUM, **known), add(KID, **known), remove(NEW, **known))
    assert who.members() == {MUM, KID}
    who.carry(together, remove(KID), remove(ANN, **known))
    assert who.members() == (set() if "external_id" in known else {MUM}), "one person has the id now"


def test_an_address_that_came_and_left_takes_off_nobody_else(who: IdentityWorld) -> None:
    who.send(add(OLD, ID))
    who.send(add(NEW, ID), remove(NEW, ID))
    assert who.members() == {OLD}


def test_so_is_who_is_on_the_list_by_an_id_that_klaviyo_has_lost_meanwhile(who: IdentityWorld) -> None:
    who.carry(False, add(OLD, ID), add(ANN, "c-2"))
    profile_id = who.person(OLD)["id"]
    body = {"data": {"type": "profile", "id": profile_id, "attributes": {"external_id": "crm-9"}}}
    assert who.klaviyo.call("PATCH", f"/api/profiles/{profile_id}", json=body).status_code == 200
    who.send(remove(NEW, ID))
    assert who.members() == {ANN}, "Ferry remembers the people it delivered under the id"


@BATCHES
def test_somebody_who_leaves_by_address_and_comes_back_by_the_id_alone_is_on_the_list(
    who: IdentityWorld, together: bool
) -> None:
    who.send(add(OLD, ID), add(ANN, "c-2"))
    who.carry(together, remove(OLD), add(external_id=ID))
    assert who.members() == {OLD, ANN}
    who.carry(together, add(external_id="c-2"), remove(ANN))
    assert who.members() == {OLD}


@BATCHES
def test_a_removal_by_an_id_takes_off_all_who_were_delivered_under_it_though_one_is_heard_of_again(
    who: IdentityWorld, together: bool
) -> None:
    who.send(add(OLD, ID))
    who.send(add(NEW, ID))
    who.send(add(ANN, "c-2"))
    who.carry(together, update(NEW, attributes={"plan": "gold"}), remove(external_id=ID))
    assert who.members() == {ANN}


@BATCHES
def test_so_is_who_was_off_the_list_already(who: IdentityWorld, together: bool) -> None:
    who.carry(False, add(OLD, ID), add(ANN, "c-2"), remove(OLD))
    who.carry(together, remove(OLD), add(external_id=ID))
    assert who.members() == {OLD, ANN}


@BATCHES
@pytest.mark.parametrize("first", [remove, update])
def test_an_id_that_another_message_gives_the_leaver_takes_off_nobody_who_has_it(
    who: IdentityWorld, together: bool, first: Callable[..., Posted]
) -> None:
    who.send(add(ANN, ID))
    told = [remove(NEW), update(NEW, ID, plan="gold")]
    who.carry(together, *(told if first is remove else reversed(told)))
    assert who.members() == {ANN}, "the removal has named the address alone"


@BATCHES
def test_mparticles_leaver_with_a_new_address_and_the_same_mpid_is_off(who: IdentityWorld, together: bool) -> None:
    leaves = member(NEW, "7", "delete")
    who.carry(together, member(OLD, "7", customer=ID), member(ANN, "8", customer="c-2"), leaves)
    assert who.members() == {ANN}


@BATCHES
def test_a_leaver_with_an_id_that_another_member_has_takes_off_that_one_alone_who_is_named(
    who: IdentityWorld, together: bool
) -> None:
    who.put(VIPS, email=ANN, external_id=ID)
    who.put(VIPS, email=OLD)
    who.carry(together, remove(OLD, ID))
    assert who.members() == {ANN}, "Ferry has never delivered that person under the id"


@BATCHES
def test_a_phone_alone_is_taken_off_by_a_phone_beside_an_address_nobody_knows(
    who: IdentityWorld, together: bool
) -> None:
    who.carry(together, add(phone=PHONE), add(ANN), remove("x@example.com", phone=PHONE))
    assert who.members() == {ANN}


@BATCHES
def test_a_child_who_leaves_does_not_take_the_mother_along_whose_phone_it_has(
    who: IdentityWorld, together: bool
) -> None:
    who.carry(together, add(MUM, phone=PHONE), add(KID, phone=PHONE), remove(KID, phone=PHONE))
    assert who.members() == {MUM}


def test_somebody_who_is_not_found_by_address_takes_off_nobody_with_another_address(who: IdentityWorld) -> None:
    who.put(VIPS, email=MUM, phone_number=PHONE)
    who.send(remove("x@example.com", phone=PHONE))
    assert who.members() == {MUM}
    assert who.warned()["not_on_list"] == 1


@pytest.mark.parametrize("leaver", [{"email": "x@example.com"}, {"external_id": "c-9"}, {"phone": "+14155552672"}])
def test_a_removal_that_finds_nobody_is_counted(who: IdentityWorld, leaver: dict[str, str]) -> None:
    who.send(add(ANN))
    who.send(remove(**leaver), remove(ANN))
    assert who.members() == set()
    assert who.warned()["not_on_list"] == 1


def test_so_is_one_of_somebody_who_is_known_and_on_another_list(who: IdentityWorld) -> None:
    who.put("Other", email=OLD)
    who.carry(False, add(ANN), remove(OLD))
    assert (who.members(), who.members("Other")) == ({ANN}, {OLD})
    assert who.warned()["not_on_list"] == 1


def test_so_is_one_of_a_list_that_is_not_there_yet(who: IdentityWorld) -> None:
    who.send(remove(ANN))
    assert who.warned()["not_on_list"] == 1
    assert who.reasons() == {}


def test_so_is_the_second_of_two_removals_of_one_person_in_two_batches(who: IdentityWorld) -> None:
    who.carry(False, add(ANN), remove(ANN), remove(ANN))
    assert who.warned()["not_on_list"] == 1


def test_nobody_is_delivered_to_a_list_that_is_deleted_under_a_running_import(who: IdentityWorld) -> None:
    people = {f"p{number}@example.com" for number in range(4)}
    list_id = who.klaviyo.make_list(VIPS)
    who.klaviyo.control("jobs", {"seconds": 3600})
    who.post(*(add(email) for email in people))
    who.push(2)
    who.klaviyo.call("DELETE", f"/api/lists/{list_id}")
    who.pass_at_klaviyo(3600)
    who.push(12)
    nobody_is_lost(who, people)


def nobody_is_lost(who: IdentityWorld, people: set[str]) -> None:
    """Who counts as delivered is on a list of that name; the others wait, and go on when they are let."""
    assert who.counts()["delivered"] == len(who.members())
    if who.members() != people:
        assert set(who.held().values()) == {"list_gone"}
        assert who.counts()["open"] + who.counts()["pending"] == len(people)
        who.klaviyo.control("jobs", {"seconds": 0})
        assert who.command("release", VIPS, "--force").exit_code == 0
        who.settle()
        assert who.members() == people


def test_nobody_is_delivered_to_a_list_that_is_deleted_between_the_import_and_its_proof(who: IdentityWorld) -> None:
    who.klaviyo.control("identity", {"membership_delay_seconds": 3600.0})
    list_id = who.klaviyo.make_list(VIPS)
    who.post(add(ANN), add(OLD))
    who.push(2)
    who.klaviyo.call("DELETE", f"/api/lists/{list_id}")
    who.klaviyo.control("identity", {"membership_delay_seconds": 0.0})
    who.push(12)
    nobody_is_lost(who, {ANN, OLD})


def test_a_membership_that_klaviyo_shows_later_is_waited_for(who: IdentityWorld) -> None:
    who.klaviyo.control("identity", {"membership_delay_seconds": 3600.0})
    who.post(add(ANN), add(OLD))
    who.push(2)
    assert who.counts()["delivered"] == 0, "imported is not on the list"
    who.pass_at_klaviyo(3600)
    who.settle()
    assert (who.members(), who.counts()["delivered"]) == ({ANN, OLD}, 2)


def test_somebody_who_never_gets_on_the_list_is_a_dead_letter_and_not_delivered(who: IdentityWorld) -> None:
    who.klaviyo.control("identity", {"membership_delay_seconds": 1e9})
    who.send(add(ANN), add(OLD))
    assert who.reasons() == {"not_on_list": 2}
    assert who.counts()["delivered"] == 0


def test_somebody_who_is_off_the_list_again_before_the_proof_goes_once_more(who: IdentityWorld) -> None:
    who.klaviyo.control("jobs", {"seconds": 3600})
    who.post(add(ANN), add(OLD))
    who.push(2)
    who.klaviyo.control("jobs", {"seconds": 0})
    who.pass_at_klaviyo(3600)
    who.account.lists.leave(who.account.lists.named(VIPS)[0], [who.person(ANN)["id"]])
    who.settle()
    assert (who.members(), who.counts()["delivered"]) == ({ANN, OLD}, 2)


def test_somebody_who_left_by_a_later_change_is_not_missed(who: IdentityWorld) -> None:
    who.klaviyo.control("identity", {"membership_delay_seconds": 3600.0})
    who.post(add(ANN), add(OLD))
    who.push(2)
    who.post(remove(ANN))
    who.push(2)
    who.pass_at_klaviyo(3600)
    who.settle()
    assert who.members() == {OLD}
    assert who.reasons() == {}
