"""Erasures end to end: what is not certain waits for somebody's word, and nothing stands in the way of the rest."""

from __future__ import annotations

import pytest

from queues import audit, dead_letters, holds, keys, undecided_erasures
from queues.clock import now_ms
from queues.dead_letters import DeadLetter
from queues.holds import Hold
from queues.names import Queue
from queues.pending import UNSENT_AT_ONCE
from scheduler.tick import take_due
from tests.integration.test_identity_erasures import delete
from tests.support.emulator_api import row
from tests.support.identity_messages import VIPS, add, campaign, dsr, identify, member, segment
from tests.support.identity_world import IdentityWorld
from tests.support.recovery import let_time_pass, open_batches
from worker.deliver import deliver

EG, NEW, ANN, STRANGER = (f"{name}@example.com" for name in ("eg", "new", "ann", "stranger"))
ID, PHONE = "c-77", "+14155552671"
PEOPLE, ERASURES = Queue("default", "audience", "42"), Queue("default", "erasure", "erasures")


def erase(who: IdentityWorld) -> None:
    """Deliver what goes at once, as erasures do, and not what waits for others."""
    for _ in range(3):
        let_time_pass(who.redis)
        take_due(who.redis, who.known.connections, now_ms())
        for batch_id in open_batches(who.redis):
            deliver(batch_id)


def the_letter(who: IdentityWorld) -> DeadLetter:
    (letter,) = who.letters()
    assert letter.reason == undecided_erasures.REASON
    return letter


def confirm(who: IdentityWorld) -> None:
    letter = the_letter(who)
    result = who.command("dead", "confirm", letter.id, "--queue", str(letter.queue), "--yes")
    assert result.exit_code == 0, result.output
    erase(who)


def test_the_letter_names_the_profiles_and_how_each_was_found_and_nobody(who: IdentityWorld) -> None:
    stranger = who.put(email=STRANGER, external_id=ID)
    who.send(delete(ID, EG))
    assert undecided_erasures.profiles(the_letter(who)) == {stranger: "external_id"}
    assert "@" not in str(the_letter(who).detail)


def test_the_persons_own_profile_does_not_wait_for_that(who: IdentityWorld) -> None:
    who.put(email=EG)
    who.put(email=STRANGER, external_id=ID)
    who.send(delete(ID, EG))
    assert (who.gone(EG), who.gone(STRANGER)) == (True, False)


def test_once_it_is_confirmed_the_profile_is_deleted_and_what_waits_of_its_address_is_gone(who: IdentityWorld) -> None:
    who.put(email=STRANGER, external_id=ID)
    who.post(add(STRANGER), add(ANN), delete(ID, EG))
    erase(who)
    assert who.waiting(PEOPLE) == 2
    confirm(who)
    assert who.gone(STRANGER)
    assert who.waiting(PEOPLE) == 1
    who.settle()
    assert (who.members(), who.reasons()) == ({ANN}, {})
    assert who.counts("erasure") == {"accepted": 1, "delivered": 1}


def test_a_letter_that_is_replayed_is_looked_into_again(who: IdentityWorld) -> None:
    who.put(email=STRANGER, external_id=ID)
    who.send(delete(ID, EG))
    letter = the_letter(who)
    who.command("dead", "replay", letter.id, "--queue", str(letter.queue))
    erase(who)
    assert the_letter(who).id != letter.id
    assert not who.gone(STRANGER)


def test_an_id_that_several_people_have_waits_and_nobodys_changes_go(who: IdentityWorld) -> None:
    who.post(add(ANN, ID), add(EG, ID), delete(ID))
    erase(who)
    assert len(the_letter(who).detail["people"]) == 2
    assert who.waiting(PEOPLE) == 2
    confirm(who)
    assert (who.waiting(PEOPLE), who.reasons()) == (0, {})


def test_an_id_under_which_several_people_were_delivered_waits(who: IdentityWorld) -> None:
    who.send(add(ANN, ID))
    who.send(add(EG, ID))
    who.send(delete(ID))
    assert len(the_letter(who).detail["people"]) == 2
    assert (who.gone(ANN), who.gone(EG)) == (False, False)
    confirm(who)
    assert (who.gone(ANN), who.gone(EG), who.reasons()) == (True, True, {})


def test_the_one_person_who_was_delivered_under_an_id_is_found_by_it_though_no_profile_has_it(
    who: IdentityWorld,
) -> None:
    who.put(email=STRANGER)
    who.send(member(EG, "7"), member(STRANGER, "8"))
    who.post(member(EG, "7", plan="gold"), member(STRANGER, "8", plan="gold"), dsr(mpid="7"))
    erase(who)
    assert (who.gone(EG), who.gone(STRANGER), who.reasons()) == (True, False, {})
    assert who.waiting(Queue("mp", "audience", "456")) == 1


def test_an_address_that_only_klaviyo_knows_with_the_id_is_forgotten_here_too(who: IdentityWorld) -> None:
    who.put(email=EG, external_id=ID)
    who.post(add(EG), add(ANN), delete(ID))
    erase(who)
    assert who.gone(EG)
    assert who.waiting(PEOPLE) == 1
    who.settle()
    assert (who.members(), who.gone(EG)) == ({ANN}, True)


def test_a_secondary_address_of_somebodys_waits_for_a_look(who: IdentityWorld) -> None:
    who.klaviyo.control("identity", {"clash": "merge", "multi_email": True})
    profile_id = who.put(email=STRANGER, external_id=ID)
    who.put(email=EG)
    who.account.people.upsert(row(email=EG, external_id=ID), who.account.now(), clear_nulls=False)
    assert who.person(EG)["id"] == profile_id, "the two are one"
    who.clashes.clear()  # the one that this test made
    who.send(delete(None, EG))
    assert undecided_erasures.profiles(the_letter(who)) == {profile_id: "email"}
    assert not who.gone(STRANGER)


def test_a_phone_deletes_only_whoever_has_nothing_else(who: IdentityWorld) -> None:
    who.put(email=ANN, phone_number=PHONE)
    who.send(segment("delete", userId="u-9", traits={"phone": PHONE}))
    assert not who.gone(ANN)
    assert who.reasons() == {"profile_unknown": 1}


def test_the_memory_holds_nothing_of_an_erased_person(who: IdentityWorld) -> None:
    who.send(add(EG, ID), add(ANN, "c-78"))
    before = memory(who)
    who.send(delete(ID, EG))
    left = memory(who)
    who.send(delete("c-78", ANN))
    assert len(before) > len(left) > len(memory(who)) == 0
    assert not list(who.redis.scan_iter("*:said:*"))


def memory(who: IdentityWorld) -> list[object]:
    """Every field of what is remembered of people."""
    return [field for key in who.redis.scan_iter("ferry:*:id:*") for field in who.redis.hkeys(key)]


def test_the_audit_counts_what_was_erased_in_each_queue_and_names_nobody(who: IdentityWorld) -> None:
    who.send(add(EG, plan="gold"), add("fail+eg@example.com"))
    who.post(add(EG), add(ANN), add(EG, audience=("43", "Others")), delete(None, EG))
    erase(who)
    erased = {entry.on: entry for entry in audit.read(who.redis, 20) if entry.what == "erased"}
    assert set(erased) == {"default/audience/42", "default/audience/43"}
    assert {entry.who for entry in erased.values()} == {"ferry"}
    assert erased["default/audience/42"].counts == {"pending": 1, "letters": 0, "open": 0, "history": 1}
    assert erased["default/audience/43"].counts == {"pending": 1, "letters": 0, "open": 0, "history": 0}
    assert b"@" not in repr(who.redis.xrange(keys.AUDIT)).encode()


def test_a_held_connection_keeps_nothing_in_the_ledger_and_klaviyo_is_asked_once_it_goes_on(who: IdentityWorld) -> None:
    who.put(email=EG)
    who.post(add(EG, ID), add(ANN))
    holds.place(who.redis, "default", Hold("unauthenticated", now_ms()))
    who.post(delete(ID, EG))
    erase(who)
    assert who.waiting(PEOPLE) == 1
    assert not who.gone(EG)
    holds.release(who.redis, "default")
    erase(who)
    assert (who.gone(EG), who.counts("erasure")) == (True, {"accepted": 1, "delivered": 1})


def test_nor_does_it_keep_what_later_requests_are_about(who: IdentityWorld) -> None:
    people = [f"p{number}@example.com" for number in range(UNSENT_AT_ONCE + 2)]
    who.post(*map(add, people))
    holds.place(who.redis, "default", Hold("unauthenticated", now_ms()))
    for person in people:
        who.post(delete(None, person))
        erase(who)
    assert who.waiting(PEOPLE) == 0
    holds.release(who.redis, "default")
    erase(who)
    assert who.counts("erasure")["delivered"] == len(people)


def taken(who: IdentityWorld) -> None:
    """What waits is in an open batch, which no worker has seen."""
    who.take()


def refused(who: IdentityWorld) -> None:
    """What waits is in an open batch, and the list of its upload is gone."""
    who.klaviyo.call("DELETE", f"/api/lists/{who.account.lists.named(VIPS)[0].id}")
    who.push(2)
    assert "list_gone" in who.held().values()


def uploaded(who: IdentityWorld) -> None:
    """What waits is in an open batch whose import is complete; then an operator holds the queue."""
    for batch_id in who.take():
        deliver(batch_id)
    holds.place(who.redis, PEOPLE, Hold("operator", now_ms()))


@pytest.mark.parametrize("until", [taken, refused, uploaded])
def test_in_an_open_batch_nothing_is_left_of_the_person_and_the_others_go_on(who: IdentityWorld, until: object) -> None:
    assert callable(until)
    who.send(add(ANN))
    who.post(add(EG, ID, plan="gold"), add(NEW))
    until(who)
    who.post(delete(ID, EG))
    erase(who)
    assert who.gone(EG)
    assert who.counts("erasure") == {"accepted": 1, "delivered": 1}
    assert not [key for key in who.redis.scan_iter("ferry:*") if EG.encode() in (who.redis.dump(key) or b"")]
    who.command("release", VIPS, "--force")
    who.settle()
    assert NEW in who.members()
    assert who.gone(EG)
    found = who.counts("audience")
    assert (found["superseded"], found["dead"], found["accepted"]) == (1, 0, 3)


def test_what_comes_after_the_request_is_a_new_beginning_also_in_the_same_batch(who: IdentityWorld) -> None:
    who.post(add(EG, plan="gold"))
    who.post(delete(None, EG))
    who.post(add(EG, first_name="Eg"), add(ANN))
    holds.place(who.redis, ERASURES, Hold("operator", now_ms()))
    who.take()
    holds.release(who.redis, ERASURES)
    erase(who)
    who.settle()
    assert who.members() == {EG, ANN}
    assert who.attributes(EG) == {"first_name": "Eg"}


def test_an_import_that_klaviyo_may_yet_carry_out_is_waited_for_also_in_a_held_queue(who: IdentityWorld) -> None:
    who.klaviyo.control("jobs", {"seconds": 3_600})
    who.post(add(EG), add(ANN))
    for batch_id in who.take():
        deliver(batch_id)
    holds.place(who.redis, PEOPLE, Hold("operator", now_ms()))
    who.post(delete(None, EG))
    erase(who)
    assert who.counts("erasure")["open"] == 1
    who.klaviyo.control("jobs", {"seconds": 0})
    who.pass_at_klaviyo(3_600)
    erase(who)
    assert (who.gone(EG), who.counts("erasure")["delivered"]) == (True, 1)
    holds.release(who.redis, PEOPLE)
    who.settle()
    assert (who.members(), who.gone(EG)) == ({ANN}, True)


def test_events_and_consents_of_the_person_go_and_those_of_the_family_stay(who: IdentityWorld) -> None:
    for user, address in (("u-1", EG), ("u-2", ANN)):
        who.post(segment("track", event="Played", userId=user, traits={"email": address, "phone": PHONE}))
    who.post(delete("u-1", EG))
    erase(who)
    who.settle()
    assert who.gone(EG)
    assert who.events() == [("Played", ANN)]


def test_an_event_by_user_id_alone_goes_with_the_person_it_stands_for(who: IdentityWorld) -> None:
    who.post(identify("u-1", email=EG), segment("track", event="Played", userId="u-1", anonymousId="device"))
    who.post(delete("u-1", EG))
    erase(who)
    who.settle()
    assert who.events() == []
    assert who.everybody() == []


def test_a_campaign_that_waits_does_not_bring_the_person_back(who: IdentityWorld) -> None:
    who.post(campaign("Spring", EG, ANN), delete(None, EG))
    who.settle()
    assert who.gone(EG)
    assert not list(dead_letters.read(who.redis, ERASURES))
