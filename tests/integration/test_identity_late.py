"""Old news: a membership change that is older than what was accepted is overtaken, wherever a batch ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from queues import dead_letters
from queues.clock import now_ms
from tests.support.identity_messages import BATCHES, Posted, add, entered, iso, member, remove, update
from tests.support.identity_world import IdentityWorld

ANN, BOB = "ann@example.com", "bob@example.com"
SOURCES = pytest.mark.parametrize("source", ["changes", "mparticle", "segment"])
HOUR = 3_600_000


def said(source: str, joins: bool, at: int) -> Posted:
    """Ann joins or leaves, by this source at this time (ms)."""
    if source == "changes":
        return add(ANN, at=at) if joins else remove(ANN, at=at)
    if source == "mparticle":
        return member(ANN, "7", "add" if joins else "delete", at=at)
    told = entered("u1", ANN, exited=not joins)
    return Posted(told.path, told.body, told.stamp, iso(at))


@SOURCES
@BATCHES
@pytest.mark.parametrize("joins", [True, False])
def test_older_news_that_comes_later_changes_nothing(
    who: IdentityWorld, together: bool, source: str, joins: bool
) -> None:
    now = now_ms()
    messages = [said(source, not joins, now - 2 * HOUR), said(source, joins, now), said(source, not joins, now - HOUR)]
    who.carry(together, *messages)
    assert who.members() == ({ANN} if joins else set())
    assert who.warned()["late"] == 1
    # The attributes of a late addition still go, so that it may count as delivered.
    assert who.counts("audience")["superseded"] == 1 + together or not (joins or together)


@SOURCES
def test_old_news_is_no_fault(who: IdentityWorld, source: str, caplog: pytest.LogCaptureFixture) -> None:
    now = now_ms()
    who.carry(False, said(source, True, now), said(source, False, now - HOUR))
    assert who.members() == {ANN}
    assert [record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


@BATCHES
def test_equal_times_are_not_late(who: IdentityWorld, together: bool) -> None:
    now = now_ms() - HOUR
    who.carry(together, add(ANN, at=now), remove(ANN, at=now), add(BOB, at=now), remove(BOB, at=now), add(BOB, at=now))
    assert who.members() == {BOB}
    assert who.warned()["late"] == 0


@BATCHES
def test_somebody_elses_news_is_late_for_nobody(who: IdentityWorld, together: bool) -> None:
    now = now_ms()
    who.carry(together, add(ANN, "null", at=now), add(BOB, "null", at=now - HOUR), remove(BOB, at=now - HOUR + 1))
    assert who.members() == {ANN}
    assert who.warned()["late"] == 0


@BATCHES
def test_late_news_is_noticed_by_an_id_alone(who: IdentityWorld, together: bool) -> None:
    now = now_ms()
    who.carry(together, add(ANN, "c-1", at=now), remove(external_id="c-1", at=now - HOUR))
    assert who.members() == {ANN}
    assert who.warned()["late"] == 1


@BATCHES
@pytest.mark.parametrize("by_id", ["the removal", "the late addition"])
def test_late_news_of_one_person_is_noticed_under_another_identifier(
    who: IdentityWorld, together: bool, by_id: str
) -> None:
    now = now_ms()
    removal = remove(external_id="c-1", at=now) if by_id == "the removal" else remove(ANN, at=now)
    late = add(external_id="c-1", at=now - HOUR) if by_id == "the late addition" else add(ANN, at=now - HOUR)
    who.carry(together, add(ANN, "c-1", at=now - 3 * HOUR), removal, late)
    assert who.members() == set()
    assert who.warned()["late"] == 1 or together


@BATCHES
def test_late_news_is_noticed_under_a_phone(who: IdentityWorld, together: bool) -> None:
    now = now_ms()
    late = add(phone="+14155552671", at=now - HOUR)
    who.carry(together, add(ANN, phone="+14155552671", at=now - 3 * HOUR), remove(ANN, at=now), late)
    assert who.members() == set()


@BATCHES
def test_a_removal_by_an_mpid_is_newer_than_a_late_addition_by_the_address(who: IdentityWorld, together: bool) -> None:
    now = now_ms()
    messages = [member(ANN, "7", at=now - 3 * HOUR), member(None, "7", "delete", at=now), member(ANN, None, at=now - 1)]
    who.carry(together, *messages)
    assert who.members() == set()


@BATCHES
def test_who_has_moved_to_another_address_is_not_put_back_under_the_old_one_by_late_news(
    who: IdentityWorld, together: bool
) -> None:
    now = now_ms()
    who.carry(together, member(ANN, "7", at=now - 3 * HOUR), member(BOB, "7", at=now), member(ANN, None, at=now - HOUR))
    assert who.members() == {BOB}


@BATCHES
def test_a_removal_by_a_shared_id_is_late_only_for_those_who_joined_since(who: IdentityWorld, together: bool) -> None:
    now = now_ms()
    who.carry(
        together, add(ANN, "c-1", at=now - 3 * HOUR), add(BOB, "c-1", at=now), remove(external_id="c-1", at=now - HOUR)
    )
    assert who.members() == {BOB}


@BATCHES
def test_a_removal_by_an_id_is_newer_than_a_late_addition_of_somebody_with_the_id(
    who: IdentityWorld, together: bool
) -> None:
    now = now_ms()
    messages = [add(ANN, "c-1", at=now - 3 * HOUR), remove(external_id="c-1", at=now), add(BOB, "c-1", at=now - HOUR)]
    who.carry(together, *messages)
    assert who.members() == set()


def test_an_addition_by_an_id_makes_nobody_late_but_the_one_whom_it_means(who: IdentityWorld) -> None:
    now = now_ms()
    who.carry(False, add(ANN, "c-1", at=now - 3 * HOUR), add(external_id="c-1", at=now), add(BOB, "c-1", at=now - HOUR))
    assert who.members() == {ANN, BOB}
    assert who.warned()["late"] == 0


def test_a_change_of_which_nobody_knows_whom_it_means_makes_nobody_late(who: IdentityWorld) -> None:
    now = now_ms()
    who.carry(False, add(ANN, "c-1", at=now - 3 * HOUR), add(BOB, "c-1", at=now - 2 * HOUR))
    who.send(add(external_id="c-1", at=now))
    assert who.reasons() == {"ambiguous_person": 1}
    who.send(add(BOB, "c-1", at=now - HOUR))
    assert who.warned()["late"] == 0


def test_the_attributes_of_late_news_arrive_beneath_newer_ones(who: IdentityWorld) -> None:
    now = now_ms()
    who.send(add(ANN, at=now, plan="gold"), add(ANN, at=now - HOUR, plan="silver", city="Oslo"))
    assert who.attributes(ANN) == {"plan": "gold", "city": "Oslo"}


def test_the_attributes_of_late_news_go_by_arrival_after_a_delivery(who: IdentityWorld) -> None:
    now = now_ms()
    who.carry(False, add(ANN, at=now, plan="gold"), add(ANN, at=now - HOUR, plan="silver", city="Oslo"))
    assert who.attributes(ANN) == {"plan": "silver", "city": "Oslo"}
    assert who.members() == {ANN}


@BATCHES
def test_an_update_is_never_late_for_a_membership(who: IdentityWorld, together: bool) -> None:
    now = now_ms()
    who.carry(together, update(ANN, at=now, plan="gold"), add(ANN, at=now - HOUR))
    assert who.members() == {ANN}
    assert who.warned()["late"] == 0


def test_a_replay_is_never_late(who: IdentityWorld) -> None:
    now = now_ms()
    who.klaviyo.control("identity", {"membership_delay_seconds": 1e9})
    who.carry(False, add(ANN, at=now - HOUR), add(ANN, at=now))
    who.klaviyo.control("identity", {"membership_delay_seconds": 0.0})
    first = next(letter for letter in who.letters() if letter.change.body.at == now - HOUR)
    assert dead_letters.replay(who.redis, first.queue, [first.id], now_ms()).replayed == 1
    who.settle()
    assert who.members() == {ANN}
    assert who.counts()["delivered"] == 1
    assert who.warned()["late"] == 0


def replay_after(who: IdentityWorld, dead: Posted, *newer: Posted) -> None:
    """The first message becomes a dead letter, the others are delivered one by one, and it is replayed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(who.account.lists, "join", lambda *_args, **_more: None)
        who.send(dead)
    assert who.reasons() == {"not_on_list": 1}
    who.carry(False, *newer)
    for letter in who.letters():
        dead_letters.replay(who.redis, letter.queue, [letter.id], now_ms())
    who.settle()


def of_user(source: str, email: str | None, hours_ago: int, *, leaves: bool = False) -> Posted:
    """A user joins under an e-mail, or leaves and names it or none."""
    at = now_ms() - hours_ago * HOUR
    if source == "mparticle":
        return member(email, "7", "delete" if leaves else "add", at=at)
    told = entered("u-7", email or "", exited=leaves)
    body = told.body if email else {**told.body, "traits": {}}
    return Posted(told.path, body, told.stamp, iso(at))


USERS = pytest.mark.parametrize("source", ["mparticle", "segment"])


@USERS
@pytest.mark.parametrize("names", [BOB, None])
def test_a_replay_does_not_undo_a_users_newer_address_nor_that_the_user_left(
    who: IdentityWorld, source: str, names: str | None
) -> None:
    replay_after(who, of_user(source, ANN, 9), of_user(source, BOB, 5))
    assert who.members() == {BOB}
    who.empty("refuse")
    replay_after(who, of_user(source, ANN, 9), of_user(source, BOB, 5), of_user(source, names, 3, leaves=True))
    assert who.members() == set()


@USERS
def test_a_replay_does_not_undo_a_removal_by_the_id_alone(who: IdentityWorld, source: str) -> None:
    replay_after(who, of_user(source, ANN, 9), of_user(source, None, 5, leaves=True))
    assert who.members() == set()


@USERS
def test_a_replay_of_a_users_newest_message_is_not_late(who: IdentityWorld, source: str) -> None:
    replay_after(who, of_user(source, ANN, 2), of_user(source, BOB, 5))
    assert who.members() == {ANN}


def odd_time(what: str) -> int:
    """A time in ms that no message can have."""
    if what == "seconds for milliseconds":
        return now_ms() // 1000
    return int(datetime(2099 if what == "in the future" else 2001, 1, 1, tzinfo=UTC).timestamp() * 1000)


@SOURCES
@BATCHES
@pytest.mark.parametrize("what", ["in the future", "before any CDP", "seconds for milliseconds"])
def test_a_time_that_cannot_be_counts_as_the_time_of_arrival(
    who: IdentityWorld, together: bool, source: str, what: str
) -> None:
    odd = odd_time(what)
    who.carry(together, said(source, True, odd), said(source, False, now_ms() - 5))
    who.send(said(source, False, now_ms()))
    assert who.members() == set(), "a wrong time is not newer than everything that follows"
    assert who.warned()["time_clamped"] >= 1
    who.send(said(source, True, odd))
    assert who.members() == {ANN}, "nor older than everything before"
