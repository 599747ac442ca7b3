"""A run tells the truth: delivered means that Klaviyo has carried out and proved every change of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from redis import Redis

from console.pages.syncs import figures
from emulator.faults import Faults
from ops.sync.view import lines
from queues import dead_letters, erasure, holds
from queues.change import encode
from queues.clock import now_ms
from queues.snapshots import guard
from queues.snapshots.records import Record
from queues.unsettled import changes
from tests.support.mirrored import Mirrored, mirrored
from tests.support.snapshot_audience import NAME, QUEUE, SYNCS
from tests.support.world import addresses

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"


def balanced(record: Record) -> bool:
    """Whether the equations of a run hold."""
    counts, ends = record.counts, record.outcomes
    assert counts is not None
    people = counts.adds + counts.updates + counts.unchanged + counts.newer
    return (
        ends.changes == ends.delivered + ends.imported + ends.superseded + ends.dead + ends.pending
        and counts.rows + counts.expansion == counts.people + counts.duplicates + sum(counts.shrink.values())
        and people == counts.people
        and ends.changes == counts.adds + counts.updates + counts.removals
    )


def test_a_run_is_delivered_when_all_its_changes_are_settled(lists: Mirrored) -> None:
    first = lists.sync({"email": ANN, "plan": "gold"}, BOB, "nobody@", BOB, attributes=("plan",))
    assert (first.state, first.outcomes.changes, first.outcomes.delivered) == ("delivered", 2, 2)
    second = lists.sync({"email": ANN, "plan": "blue"}, CID, attributes=("plan",))
    assert (second.state, second.outcomes.delivered, second.outcomes.pending) == ("delivered", 3, 0)
    assert second.outcomes.settled is not None
    assert balanced(first)
    assert balanced(second)


def test_a_run_without_a_change_is_delivered_at_once(lists: Mirrored) -> None:
    lists.sync(ANN)
    again = lists.sync(ANN)
    assert (again.state, again.outcomes.changes, again.counts and again.counts.unchanged) == ("delivered", 0, 1)


def test_while_the_queue_is_held_a_run_is_not_delivered(lists: Mirrored) -> None:
    lists.sync(ANN)
    holds.place(lists.redis, QUEUE, holds.Hold("operator", now_ms()))
    name = lists.send(BOB, confirmed=True)
    for _ in range(6):
        lists.system.work()
    record = lists.record(name)
    assert (record.state, record.outcomes.changes, record.outcomes.pending) == ("delivering", 2, 2)
    assert lists.members() == {ANN}
    holds.release(lists.redis, QUEUE)
    lists.settle()
    assert (lists.record(name).state, lists.members()) == ("delivered", {BOB})


def test_after_the_list_was_deleted_the_same_file_is_not_unchanged(lists: Mirrored) -> None:
    lists.sync(ANN, BOB)
    requests.delete(
        f"{lists.klaviyo.url}/api/lists/{lists.system.world.lists.named(NAME)[0].id}",
        headers={"Authorization": "Klaviyo-API-Key pk_test", "revision": "2026-10-15"},
        timeout=30,
    ).raise_for_status()
    name = lists.send(ANN, BOB)
    for _ in range(6):
        lists.system.work()
    record = lists.record(name)
    assert record.counts is not None
    assert (record.state, record.counts.adds, record.outcomes.pending) == ("delivering", 2, 2)
    assert record.drift == {"on_the_list_only": 0, "in_the_ledger_only": 2}


def test_somebody_taken_off_by_hand_is_put_back_by_a_run_that_asks_klaviyo(lists: Mirrored) -> None:
    lists.sync(ANN, BOB)
    lists.off_list(ANN)
    record = lists.sync(ANN, BOB, reconcile=True)
    assert (record.state, record.outcomes.delivered, lists.members()) == ("delivered", 1, {ANN, BOB})


def test_a_run_with_dead_letters_failed_until_they_are_replayed(lists: Mirrored) -> None:
    lists.klaviyo.control("faults", fault="400", times=9, match={"path": "/api/profile-bulk-import-jobs", "body": BOB})
    record = lists.sync(ANN, BOB)
    assert (record.state, record.outcomes.delivered, record.outcomes.dead) == ("failed", 1, 1)
    assert sum(record.outcomes.reasons.values()) == 1
    assert "1 of its changes are dead letters" in record.error
    letters = [letter.id for letter in dead_letters.read(lists.redis, QUEUE)]
    dead_letters.replay(lists.redis, QUEUE, letters, now_ms())
    lists.system.world.faults = Faults()
    lists.settle()
    again = lists.record(record.order.snapshot)
    assert (again.state, again.outcomes.delivered, again.outcomes.dead, again.error) == ("delivered", 2, 0, "")


def test_changes_that_an_erasure_deletes_do_not_keep_a_run_open(lists: Mirrored) -> None:
    lists.sync(ANN)
    holds.place(lists.redis, QUEUE, holds.Hold("operator", now_ms()))
    name = lists.send(ANN, BOB)
    for _ in range(6):
        lists.system.work()
    stored = [encode(each.keys, each.accepted_at, each.body) for each in changes(lists.redis, QUEUE)]
    assert erasure.erase(lists.redis, QUEUE, stored, (), now_ms()).pending == 1
    record = lists.record(name)
    assert (record.state, record.outcomes.superseded, record.outcomes.pending) == ("delivered", 1, 0)


def test_removals_of_a_day_are_added_up_until_somebody_confirms(lists: Mirrored) -> None:
    people = addresses(200)
    lists.sync(*people)
    assert lists.sync(*people[50:]).state == "delivered"
    held = lists.send(*people[90:])
    for _ in range(4):
        lists.system.work()
    hold = lists.hold()
    assert hold is not None
    assert (hold.reason, lists.record(held).state) == (guard.GUARD, "held")
    assert "takes 40 of 150 people off the list after 50 in the last 24 hours: 45.0 %" in hold.resolve
    name = lists.send(*people[90:], confirmed=True)
    guard.replace_held(lists.redis, SYNCS)
    lists.settle()
    assert (lists.record(name).state, lists.record(name).confirmed) == ("delivered", True)
    # What was confirmed does not count against the next one.
    assert lists.sync(*people[120:]).state == "delivered"


def test_who_comes_back_with_an_empty_field_has_it_cleared(lists: Mirrored) -> None:
    chosen = ("city", "plan")
    lists.sync({"email": ANN, "city": "Oslo", "plan": "gold"}, BOB, attributes=chosen)
    lists.sync(BOB, attributes=chosen)
    record = lists.sync({"email": ANN, "city": None, "plan": "blue"}, BOB, attributes=chosen)
    person = lists.system.world.profiles.find("email", ANN)
    assert person is not None
    assert (record.state, person.location.get("city"), person.properties) == ("delivered", None, {"plan": "blue"})


def test_who_never_had_a_value_costs_no_request_to_clear_it(lists: Mirrored) -> None:
    lists.sync({"email": ANN, "city": None}, BOB, attributes=("city",))
    lists.sync(BOB, attributes=("city",))
    before = len(lists.calls())
    lists.sync({"email": ANN, "city": None}, BOB, attributes=("city",))
    writes = [call["path"] for call in lists.calls()[before:] if call["method"] in ("PATCH", "POST")]
    assert writes == ["/api/profile-bulk-import-jobs"]


def test_a_run_whose_list_was_not_checked_is_imported_and_not_delivered(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "connections.toml"
    file.write_text('[connections.default]\nprove = "off"\n')
    with mirrored(redis, redis_url, monkeypatch, FERRY_CONNECTIONS=str(file)) as lists:
        record = lists.sync(ANN, BOB)
        assert (record.state, record.outcomes.imported, record.outcomes.delivered) == ("imported", 2, 0)
        assert balanced(record)
        again = lists.sync(ANN, BOB)
        assert (again.state, again.counts and again.counts.unchanged) == ("delivered", 2)


def test_pages_and_commands_show_figures_that_add_up(lists: Mirrored, redis_url: str) -> None:
    lists.sync({"email": ANN, "plan": "gold"}, BOB, "gone@example.com", attributes=("plan",))
    lists.off_list("gone@example.com")
    record = lists.sync(
        {"email": ANN, "plan": "blue"},
        BOB,
        CID,
        CID,
        {"email": ["x@example.com", "y@example.com"]},
        "nobody@",
        attributes=("plan",),
    )
    assert balanced(record)
    assert record.counts is not None
    shown = {name: people for name, people, _ in lines(record.counts, record.examples)}
    rows, customers = record.counts.rows, shown["Customers"]
    assert rows + shown["Expansion"] == shown["To be on the list"] + shown["Duplicates"] + shown["Rejected"]
    assert customers <= rows
    assert shown["To be on the list"] == shown["Added"] + shown["Updated"] + shown["Unchanged"]
    assert record.outcomes.changes == shown["Added"] + shown["Updated"] + shown["Removed"]
    assert record.outcomes.not_found == 1
    page = dict(figures(record.counts))
    assert page == {name: shown[name] for name in page}
