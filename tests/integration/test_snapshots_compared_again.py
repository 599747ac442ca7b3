"""Whether a member stays who may be a joining person is decided in the same snapshot, once that person has joined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from klaviyo import lists
from ops.queries import people
from queues import dead_letters, holds
from queues.clock import now_ms
from queues.snapshots import guard, orders
from queues.snapshots.orders import Counts
from tests.support.identity_messages import Posted, remove, snapshot
from tests.support.identity_world import ROUNDS, IdentityWorld
from tests.support.listed import Listed

OLD, NEW, OTHER = "old7@example.com", "new7@example.com", "other@example.com"
PHONE = "+14155552671"
SNAPSHOTS = orders.queue_of("full", "42")


@pytest.fixture(params=[True, False], ids=["full profile", "identity alone"])
def listed(who: IdentityWorld, request: pytest.FixtureRequest) -> Listed:
    """Either way."""
    return Listed(who, full=request.param)


def adds_up(counts: Counts) -> bool:
    """Whether everybody who is to be on the list is in one of the figures."""
    return counts.people == counts.adds + counts.updates + counts.unchanged + counts.newer


def waits_again(who: IdentityWorld) -> bool:
    """Whether the newest snapshot was compared and waits for the delivery of its changes."""
    newest = orders.records(who.redis, SNAPSHOTS)[0]
    return newest.state == "queued" and newest.counts is not None


def compare_once(who: IdentityWorld) -> None:
    """A file gives the id to somebody new; the snapshot is compared, and its second comparison is still to come."""
    who.post(snapshot(f"email,external_id\n{NEW},x7\n", connection="full"))
    assert any(waits_again(who) or not who.push() for _ in range(ROUNDS)), "the snapshot is compared once"


def known_elsewhere(listed: Listed) -> None:
    """Ferry has put the person with the old e-mail and the id on another list."""
    row = f"email,external_id\n{OLD},x7\n"
    listed.who.send(snapshot(row, audience="pre", name="Pre", connection=listed.connection))


def known_at_klaviyo(listed: Listed) -> None:
    """Klaviyo alone knows whose the id is."""
    listed.who.put(email=OLD, external_id="x7")


@pytest.mark.parametrize("known", [known_elsewhere, known_at_klaviyo])
def test_an_id_that_comes_with_a_new_email_takes_the_old_one_off_in_the_same_run(listed: Listed, known: Any) -> None:
    known(listed)
    listed.sync_csv("external_id", "x7")
    before = listed.profiles()
    assert listed.sync_csv("email,external_id", f"{NEW},x7") == {NEW}
    assert not before & listed.profiles()
    assert (listed.counts().adds, listed.counts().removals, listed.counts().kept) == (1, 1, 0)
    assert adds_up(listed.counts())
    again = listed.requests()
    assert listed.sync_csv("email,external_id", f"{NEW},x7") == {NEW}
    assert (listed.gone(again), listed.imported(again)) == (set(), [])
    assert (listed.counts().unchanged, listed.counts().removals) == (1, 0)


def test_a_profile_of_the_phone_alone_leaves_in_the_run_in_which_its_owner_joins_as_another(listed: Listed) -> None:
    listed.sync({"phone": PHONE})
    phone_only = listed.profiles()
    listed.who.put(email=NEW)
    assert NEW in listed.sync({"email": NEW, "phone": PHONE}, {"email": OTHER})
    left = listed.profiles()
    again = listed.requests()
    listed.sync({"email": NEW, "phone": PHONE}, {"email": OTHER})
    assert listed.gone(again) == set()
    assert listed.profiles() == left
    assert not phone_only & left or listed.who.identifiers(next(iter(phone_only & left))).get("email") == NEW


def test_ids_that_get_emails_are_counted_once_in_the_run_and_before_it(listed: Listed, tmp_path: Path) -> None:
    listed.sync_csv("external_id", "x4", "x5")
    lines = ["p4@example.com,x4", "p5@example.com,x5"]
    file = tmp_path / "people.csv"
    file.write_text("\n".join(["email,external_id", *lines]) + "\n")
    words = ("sync", "42", str(file), "--connection", listed.connection, "--name", "VIPs", "--dry-run", "--json")
    told = msgspec.convert(msgspec.json.decode(listed.who.command(*words).stdout)["counts"], Counts)
    assert (told.people, told.adds, told.unchanged, told.kept) == (2, 2, 0, 2)
    assert listed.sync_csv("email,external_id", *lines) == {"p4@example.com", "p5@example.com"}
    counts = listed.counts()
    assert (counts.people, counts.adds, counts.unchanged, counts.kept) == (2, 2, 0, 0)
    assert len(listed.profiles()) == 2


def test_members_who_cannot_be_told_apart_are_a_figure_of_their_own(who: IdentityWorld) -> None:
    listed = Listed(who)
    both = [f"{OLD},x7", f"{OTHER},x7"]
    listed.sync_csv("email,external_id", *both)
    assert listed.sync_csv("external_id", "x7") == {OLD, OTHER}
    counts = listed.counts()
    assert counts.shrink == {"ambiguous_person": 1}
    assert (counts.people, counts.unchanged, counts.kept) == (0, 0, 2)
    assert adds_up(counts)
    assert listed.sync_csv("email,external_id", ",x7", "a@example.com,", "b@example.com,") >= {OLD, OTHER}
    assert (listed.counts().adds, listed.counts().unchanged, listed.counts().kept) == (2, 0, 2)


def test_whoever_leaves_by_a_single_change_before_the_second_comparison_is_off_the_list(who: IdentityWorld) -> None:
    listed = Listed(who)
    known_at_klaviyo(listed)
    listed.sync_csv("external_id", "x7")
    compare_once(who)
    assert waits_again(who)
    who.deliver("audience")
    who.send(remove(NEW, connection="full"))
    assert listed.members() == set(), "the newest word about the person wins"
    assert not who.unbalanced()


def held_by_guard(who: IdentityWorld) -> holds.Hold:
    """Work until the guard holds the newest snapshot."""
    for _ in range(ROUNDS):
        who.push()
        if hold := holds.of_queue(who.redis, SNAPSHOTS):
            return hold
    raise AssertionError("the guard holds nothing")


def to_be_confirmed(text: str) -> Posted:
    """A snapshot whose sender confirms nothing."""
    posted = snapshot(text, connection="full")
    return replace(posted, path=posted.path.replace("&confirm=1", ""))


def confirm(who: IdentityWorld) -> None:
    """A person has seen the numbers, and carries the snapshot out."""
    guard.confirm(who.redis, SNAPSHOTS, orders.records(who.redis, SNAPSHOTS)[0].order.snapshot)
    holds.release(who.redis, SNAPSHOTS)


@pytest.fixture
def held_again(who: IdentityWorld, monkeypatch: pytest.MonkeyPatch) -> IdentityWorld:
    """A person has confirmed that two of three leave; after the delivery it turns out that the third one does, too."""
    monkeypatch.setattr("snapshots.plan.SMALL", 0)
    listed = Listed(who)
    known_at_klaviyo(listed)
    listed.sync_csv("email,external_id", ",x7", "a@example.com,", "b@example.com,")
    who.post(to_be_confirmed(f"email,external_id\n{NEW},x7\n"))
    assert "takes 2 of 3 people off" in held_by_guard(who).resolve
    assert listed.members() == {OLD, "a@example.com", "b@example.com"}
    confirm(who)
    hold = held_by_guard(who)
    assert "takes 3 of 3 people off" in hold.resolve
    assert "Until then nobody else leaves the list." in hold.resolve
    return who


def test_whoever_leaves_beyond_the_numbers_that_a_person_has_seen_is_asked_about_again(
    held_again: IdentityWorld,
) -> None:
    listed = Listed(held_again)
    assert listed.members() == {OLD, NEW}
    counts = listed.counts()
    assert (counts.adds, counts.removals, counts.kept, counts.leaving) == (1, 2, 1, 1)
    removed = people.kept_people(held_again.redis, orders.records(held_again.redis, SNAPSHOTS)[0], "removed")
    assert len(removed) == 2, "who would leave is not among those who left"
    confirm(held_again)
    held_again.settle()
    assert listed.members() == {NEW}
    counts = listed.counts()
    assert (counts.removals, counts.kept, counts.leaving) == (3, 0, 0)
    removed = people.kept_people(held_again.redis, orders.records(held_again.redis, SNAPSHOTS)[0], "removed")
    assert len(removed) == 3


def test_a_snapshot_that_is_replaced_before_its_last_ones_leave_counts_those_who_left(
    held_again: IdentityWorld,
) -> None:
    held_again.post(to_be_confirmed(f"email,external_id\n{NEW},x7\n"))
    for _ in range(ROUNDS):
        held_again.push()
        replaced = orders.records(held_again.redis, SNAPSHOTS)[1]
        if replaced.ended:
            break
    assert replaced.state == "superseded"
    assert replaced.counts is not None
    assert (replaced.counts.removals, replaced.counts.kept, replaced.counts.leaving) == (2, 1, 0)


def test_a_removal_that_fails_before_the_second_comparison_is_counted_once(
    who: IdentityWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Listed(who)
    known_at_klaviyo(listed)
    listed.sync_csv("email,external_id", ",x7", "a@example.com,")
    compare_once(who)
    with monkeypatch.context() as klaviyo:
        klaviyo.setattr(lists, "remove_members", lambda *_: None)
        who.deliver("audience")
    assert [letter.reason for letter in dead_letters.read(who.redis, listed.queue)] == ["not_removed"]
    who.settle()
    assert listed.members() == {"a@example.com", NEW}
    ends = orders.records(who.redis, SNAPSHOTS)[0].outcomes
    assert (listed.counts().adds, listed.counts().removals, listed.counts().kept) == (1, 2, 0)
    assert (ends.changes, ends.delivered, ends.dead, ends.pending) == (3, 2, 1, 0)
    (letter,) = dead_letters.read(who.redis, listed.queue)
    dead_letters.replay(who.redis, listed.queue, [letter.id], now_ms())
    who.settle()
    assert listed.members() == {NEW}


def test_whoever_leaves_by_a_single_change_before_joining_is_off_the_list(who: IdentityWorld) -> None:
    listed = Listed(who)
    known_at_klaviyo(listed)
    listed.sync_csv("external_id", "x7")
    compare_once(who)
    who.send(remove(NEW, connection="full"))
    assert listed.members() == set(), "by the file nobody else has the id"
    assert listed.counts().kept == 0
    assert not who.unbalanced()
