"""An erasure reaches one person: never by a chain of shared values, and never later for somebody else's sake."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from queues import dead_letters, holds
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from tests.support.identity_messages import (
    ACCOUNT,
    VIPS,
    Posted,
    add,
    dsr,
    entered,
    identify,
    member,
    remove,
    segment,
    snapshot,
    update,
)
from tests.support.identity_world import IdentityWorld
from worker.audience import kind
from worker.delivery import Delivery
from worker.erasures import forget, subjects
from worker.erasures.stored_changes import StoredChange, SubjectFinder
from worker.errors import Later

EG, ANN, BOB, STRANGER = (f"{name}@example.com" for name in ("eg", "ann", "bob", "stranger"))
ID, PHONE = "c-77", "+14155552671"
VALUES = pytest.mark.parametrize("value", ["0", "n/a", "null", "undefined"])


def delete(user: str | None, email: str | None = None, connection: str = "default") -> Posted:
    """Segment's request to forget a user."""
    known: dict[str, Any] = {"traits": {"email": email}} if email else {}
    return segment("delete", connection, userId=user, **known)


def carry_out(who: IdentityWorld, *requests: Posted, kept: Iterable[Posted]) -> int:
    """Carry the erasures out while the others' changes wait; how many changes are left of these."""
    who.post(*kept)
    for queue in who.queues():
        holds.place(who.redis, queue, Hold("operator", now_ms()))
    who.post(*requests)
    who.push(6)
    left = sum(who.waiting(queue) for queue in who.queues())
    for queue in who.queues():
        holds.release(who.redis, queue)
    return left


@VALUES
def test_segments_erasure_with_a_user_id_of_nobody_reaches_the_address_alone(who: IdentityWorld, value: str) -> None:
    who.put(email=STRANGER, external_id=value, first_name="Stranger")
    who.put(email=EG)
    others = [identify(value, email=ANN), identify(value, email=BOB), add(ANN, value), add(BOB, value)]
    assert carry_out(who, delete(value, EG), kept=[*others, add(EG, value), identify(value, email=EG)]) == len(others)
    assert who.gone(EG)
    assert who.attributes(STRANGER) == {"first_name": "Stranger"}
    who.settle()
    assert who.members() == {ANN, BOB}
    assert who.gone(EG)


@VALUES
def test_an_erasure_by_address_alone_reaches_nobody_who_waits_with_the_same_nothing(
    who: IdentityWorld, value: str
) -> None:
    audiences = [(str(number), f"List {number}") for number in range(4)]
    others = [add(email, value, audience=audience) for audience in audiences for email in (ANN, BOB)]
    hers = [add(EG, value, audience=audience) for audience in audiences]
    assert carry_out(who, delete(None, EG), kept=[*others, *hers]) == len(others)
    who.settle()
    assert [who.members(name) for _, name in audiences] == [{ANN, BOB}] * 4


@VALUES
def test_mparticles_erasure_with_a_customer_id_of_nobody_reaches_the_address_alone(
    who: IdentityWorld, value: str
) -> None:
    who.put(email=STRANGER, external_id=value)
    who.put(email=EG)
    others = [member(ANN, "1", customer=value), member(BOB, "2", customer=value)]
    assert carry_out(who, dsr(email=EG, customer=value), kept=[*others, member(EG, "3", customer=value)]) == 2
    assert who.gone(EG)
    assert not who.gone(STRANGER)
    who.settle()
    assert who.members() == {ANN, BOB}


@VALUES
def test_an_erasure_by_a_value_of_nobody_alone_reaches_nobody(who: IdentityWorld, value: str) -> None:
    who.put(email=STRANGER, external_id=value)
    others = [add(ANN, value), add(BOB, value)]
    assert carry_out(who, delete(value), kept=others) == len(others)
    who.settle()
    assert not who.gone(STRANGER)
    assert len(who.letters()) == 1, "somebody has to look"


def test_of_a_real_id_that_two_addresses_share_the_erasure_reaches_one_address(who: IdentityWorld) -> None:
    assert carry_out(who, delete(ID, EG), kept=[add(EG, ID), add(ANN, ID), add(BOB, "c-78")]) == 2
    who.settle()
    assert who.members() == {ANN, BOB}


def test_a_profile_that_has_the_id_and_another_address_waits_for_a_persons_word(who: IdentityWorld) -> None:
    who.put(email=STRANGER, external_id=ID)
    who.send(delete(ID, EG))
    assert not who.gone(STRANGER)
    assert who.reasons() == {"erasure_needs_a_look": 1}
    who.send(dsr(email=ANN))
    assert who.reasons() == {"erasure_needs_a_look": 1}


def test_two_profiles_wait_for_a_persons_word(who: IdentityWorld) -> None:
    who.put(email=EG)
    who.put(email=STRANGER, external_id=ID)
    who.send(delete(ID, EG))
    assert not who.gone(STRANGER)
    assert who.reasons() == {"erasure_needs_a_look": 1}


def test_an_erasure_by_user_id_alone_deletes_the_one_profile_that_has_it(who: IdentityWorld) -> None:
    who.send(identify(ID, "ids", email=EG), identify("c-78", "ids", email=ANN))
    who.send(delete(ID, connection="ids"))
    assert (who.gone(EG), who.gone(ANN)) == (True, False)
    assert who.reasons() == {}


def test_a_family_member_is_not_erased_for_the_phone(who: IdentityWorld) -> None:
    who.send(add(ANN, phone=PHONE), add(EG, phone=PHONE))
    who.send(segment("delete", traits={"email": EG, "phone": PHONE}))
    assert who.gone(EG)
    assert not who.gone(ANN)


def test_somebody_who_is_erased_is_deleted_with_the_spelling_that_klaviyo_has(who: IdentityWorld) -> None:
    who.send(add("Eg@Example.com"), add("info@müller.de"))
    who.send(delete(None, " EG@example.com\u200b"), delete(None, "INFO@xn--mller-kva.de"))
    assert who.everybody() == []


@pytest.mark.parametrize("audience", ["waits", "has an open batch"])
def test_a_held_list_does_not_delay_an_erasure(who: IdentityWorld, audience: str) -> None:
    who.send(add(EG, plan="gold"), add(ANN))
    if audience == "has an open batch":
        who.klaviyo.call("DELETE", f"/api/lists/{who.account.lists.named(VIPS)[0].id}")
    else:
        holds.place(who.redis, Queue("default", "audience", "42"), Hold("list_gone", now_ms()))
    who.post(add(EG, plan="silver"), add(BOB))
    who.push(3)
    assert "list_gone" in who.held().values()
    who.post(delete(None, EG))
    who.push(6)
    assert who.gone(EG)
    assert who.counts("erasure") == {"accepted": 1, "delivered": 1}
    assert who.counts("audience")["pending"] + who.counts("audience")["open"] >= 1, "the others wait as before"


def test_after_the_release_the_erased_person_does_not_come_back(who: IdentityWorld) -> None:
    who.send(add(EG), add(ANN))
    who.klaviyo.call("DELETE", f"/api/lists/{who.account.lists.named(VIPS)[0].id}")
    who.post(add(EG), add(BOB))
    who.push(3)
    who.post(delete(None, EG))
    who.push(6)
    assert who.command("release", VIPS, "--force").exit_code == 0
    who.settle()
    assert who.gone(EG)
    assert BOB in who.members()


@pytest.mark.parametrize("taken", [False, True], ids=["on the profile", "on another profile"])
def test_somebody_who_comes_again_after_an_erasure_is_known_by_nothing_from_before(
    who: IdentityWorld, taken: bool
) -> None:
    if taken:
        who.put(email=STRANGER, external_id=ID)
    who.send(add(EG, ID, plan="gold"))
    who.send(delete(None, EG))
    who.send(add(EG), add(ANN, ID))
    assert who.attributes(EG) == {}
    who.send(update(external_id=ID, plan="silver"))
    assert (who.attributes(EG), who.attributes(ANN), who.reasons()) == ({}, {"plan": "silver"}, {})
    who.send(remove(external_id=ID))
    assert who.members() == {EG}


def test_another_accounts_people_are_not_touched(who: IdentityWorld) -> None:
    who.post(member(EG, "3"))
    who.post(delete(None, EG))
    who.push(1)
    assert not list(dead_letters.read(who.redis, Queue("mp", "audience", "456")))
    who.settle()
    assert who.members() == {EG}, f"the connection of mParticle's account {ACCOUNT} is another one"


def test_an_erasure_of_a_user_who_swapped_addresses_reaches_nobody_else_and_breaks_nothing(who: IdentityWorld) -> None:
    who.send(snapshot(f"email\n{STRANGER}\n", audience="7", name="Others"))
    who.send(entered("u1", ANN), entered("u2", BOB))
    who.send(entered("u1", BOB), entered("u2", ANN))
    who.put(email=EG)
    who.send(delete("u1"), delete(None, EG))
    assert who.reasons() in ({}, {"erasure_needs_a_look": 1})
    assert not who.gone(ANN), "she is the other user now"
    assert who.gone(EG)
    assert ANN in who.members()


def test_a_change_by_mpid_does_not_bring_back_somebody_who_is_erased_while_it_is_open(
    who: IdentityWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(_delivery: Delivery) -> None:
        raise Later("a limit of Klaviyo", 1.0)

    who.send(member(EG, "1"))
    who.post(member(None, "1", plan="gold"))
    with monkeypatch.context() as patch:
        patch.setattr(kind, "upload", wait)
        who.push()
        who.post(dsr(email=EG))
        who.deliver("erasure")
    who.settle()
    assert who.gone(EG)
    assert (who.members(), who.reasons()) == (set(), {"no_email": 1})


def test_an_erasure_of_which_nothing_names_the_person_alone_breaks_nothing(who: IdentityWorld) -> None:
    who.send(snapshot(f"email\n{STRANGER}\n", audience="7", name="Others"))
    who.send(add(ANN, ID), add(BOB, ID))
    who.send(delete(ID))
    assert who.reasons() == {"erasure_needs_a_look": 1}
    assert who.members() == {ANN, BOB}


def test_an_erasure_that_fails_takes_none_of_its_batch_with_it(
    who: IdentityWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    who.put(email=EG)
    who.send(add(ANN, ID), add(BOB))
    whole = subjects.learn

    def fails(seeker: SubjectFinder, index: int) -> list[StoredChange]:
        if seeker.request(index).trace.who.email == ANN:
            raise ValueError(ANN)
        return whole(seeker, index)

    monkeypatch.setattr(forget, "learn", fails)
    who.send(delete(None, EG), delete(None, ANN), delete(None, BOB))
    assert who.gone(EG)
    assert who.gone(BOB)
    assert who.reasons() == {"mapping_failed": 1}
    assert ANN not in str(who.letters()[0].detail)


USERS = pytest.mark.parametrize("source", ["mparticle", "segment"])


def joins(source: str, number: int, email: str) -> Posted:
    return member(email, str(number)) if source == "mparticle" else entered(f"u{number}", email)


def forgets(source: str, number: int) -> Posted:
    return dsr(mpid=str(number)) if source == "mparticle" else delete(f"u{number}")


@USERS
@pytest.mark.parametrize("delivered", [True, False])
def test_of_a_mailbox_of_two_users_an_erasure_of_one_waits_for_a_persons_word(
    who: IdentityWorld, source: str, delivered: bool
) -> None:
    who.post(joins(source, 1, EG), joins(source, 2, EG))
    if delivered:
        who.settle()
    who.send(forgets(source, 1))
    assert who.reasons() == {"erasure_needs_a_look": 1}
    assert who.members() == {EG}


@USERS
def test_a_user_alone_in_a_mailbox_is_erased_beside_others(who: IdentityWorld, source: str) -> None:
    who.send(joins(source, 1, EG), joins(source, 2, ANN))
    who.send(forgets(source, 1))
    assert (who.reasons(), who.members()) == ({}, {ANN})
    assert who.gone(EG)


@USERS
def test_so_is_one_whose_e_mail_another_user_has_left(who: IdentityWorld, source: str) -> None:
    who.send(joins(source, 1, EG), joins(source, 2, EG))
    who.send(joins(source, 2, ANN))
    who.send(forgets(source, 1))
    assert (who.reasons(), who.members()) == ({}, {ANN})
    assert who.gone(EG)


@USERS
def test_an_erasure_deletes_nobody_who_got_the_id_after_the_request(who: IdentityWorld, source: str) -> None:
    who.post(forgets(source, 1))
    who.arrived()
    who.post(joins(source, 1, EG))
    who.deliver("audience")
    who.settle()
    assert who.members() == {EG}
    assert who.reasons() == {"erasure_needs_a_look": 1}


def test_it_asks_about_the_former_owner_when_the_id_was_given_on_after_the_request(who: IdentityWorld) -> None:
    who.send(add(ANN, ID))
    who.post(delete(ID))
    who.arrived()
    who.post(update(ANN, "c-78"), add(BOB, ID))
    who.deliver("audience")
    who.settle()
    assert who.members() == {ANN, BOB}
    assert who.reasons() == {"erasure_needs_a_look": 1}


def test_it_deletes_the_owner_at_the_time_of_the_request_who_has_only_waited(who: IdentityWorld) -> None:
    who.send(add(ANN, ID), add(BOB))
    who.post(delete(ID))
    who.arrived()
    who.post(add(BOB, "c-78"))
    who.deliver("audience")
    who.settle()
    assert (who.members(), who.reasons()) == ({BOB}, {})
    assert who.gone(ANN)
