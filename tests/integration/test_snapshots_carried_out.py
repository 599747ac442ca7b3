"""A list is made equal to a snapshot, and no more is sent than what changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from queues.clock import now_ms
from tests.support.cluster import BOTH
from tests.support.mirrored import Mirrored, mirrored
from tests.support.snapshot_audience import NAME, single
from tests.support.world import addresses
from worker.snapshots import kind

ANN, BOB, CID, DAN = "ann@example.com", "bob@example.com", "cid@example.com", "dan@example.com"

pytestmark = BOTH


def test_the_first_snapshot_fills_a_new_list(lists: Mirrored) -> None:
    record = lists.sync(*addresses(250))
    assert lists.members() == lists.known() == set(addresses(250))
    assert record.state == "delivered"
    assert record.counts is not None
    assert (record.counts.rows, record.counts.people, record.counts.adds) == (250, 250, 250)
    assert record.ended is not None
    assert lists.left_over() == []


def test_the_same_snapshot_again_writes_nothing_to_klaviyo(lists: Mirrored) -> None:
    lists.sync({"email": ANN, "plan": "gold"}, BOB, attributes=("plan",))
    before = len(lists.calls())
    record = lists.sync({"email": ANN, "plan": "gold"}, BOB, attributes=("plan",))
    assert [call["path"] for call in lists.calls()[before:] if call["method"] != "GET"] == []
    assert record.counts is not None
    assert (record.counts.unchanged, record.counts.held) == (2, 2)


def test_the_next_snapshot_sends_joiners_leavers_and_changed_attributes_only(lists: Mirrored) -> None:
    told = {"plan": "gold", "city": "Oslo", "logins": 3}
    lists.sync({"email": ANN, **told}, {"email": BOB, **told}, CID, attributes=("plan", "city", "logins"))
    before = len(lists.imported())
    changed = {**told, "plan": "blue", "logins": None}
    record = lists.sync({"email": ANN, **changed}, {"email": BOB, **told}, DAN, attributes=("plan", "city", "logins"))
    assert lists.members() == {ANN, BOB, DAN}
    news = lists.imported()[before:]
    assert sorted(news, key=lambda row: str(row["email"])) == [
        {"email": ANN, "properties": {"plan": "blue"}},
        {"email": DAN},
    ]
    assert record.counts is not None
    assert (record.counts.adds, record.counts.updates, record.counts.removals) == (1, 1, 1)


def test_only_the_identity_is_sent_unless_more_is_asked_for(lists: Mirrored) -> None:
    lists.sync({"email": ANN, "external_id": "c-1", "plan": "gold", "first_name": "Ann"})
    assert lists.imported() == [{"email": ANN}]


def test_the_connection_says_which_attributes_are_sent(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "connections.toml"
    settings.write_text("[connections.default]\nfull_profile = true\n")
    with mirrored(redis, redis_url, monkeypatch, FERRY_CONNECTIONS=str(settings)) as lists:
        lists.sync({"email": ANN, "external_id": "c-1", "plan": "gold", "first_name": "Ann"})
        (row,) = lists.imported()
    assert row == {"email": ANN, "external_id": "c-1", "first_name": "Ann", "properties": {"plan": "gold"}}


def test_who_is_on_the_list_before_ferry_knows_it_is_read_first(lists: Mirrored) -> None:
    lists.klaviyo.has_list(NAME, [ANN, BOB])
    record = lists.sync(BOB, CID)
    assert lists.members() == lists.known() == {BOB, CID}
    assert [row["email"] for row in lists.imported()[2:]] == [CID]
    assert record.counts is not None
    assert (record.counts.held, record.counts.removals) == (2, 1)
    assert record.drift == {}


def test_somebody_whom_klaviyo_knows_by_more_than_the_snapshot_says_stays_on_the_list(lists: Mirrored) -> None:
    lists.on_list({"email": ANN, "external_id": "c-1"}, {"email": BOB})
    record = lists.sync({"external_id": "c-1"})
    assert lists.members() == {ANN}
    assert record.counts is not None
    assert (record.counts.unchanged, record.counts.removals) == (1, 1)


def test_what_was_done_in_klaviyo_by_hand_is_found_and_repaired_when_asked(lists: Mirrored) -> None:
    lists.sync(ANN, BOB)
    lists.off_list(ANN)
    lists.on_list({"email": CID})
    assert lists.sync(ANN, BOB).counts is not None
    assert lists.members() == {BOB, CID}  # nobody asked
    record = lists.sync(ANN, BOB, reconcile=True)
    assert lists.members() == lists.known() == {ANN, BOB}
    assert record.drift == {"on_the_list_only": 1, "in_the_ledger_only": 1}


def test_an_audience_that_moves_to_another_list_fills_it(lists: Mirrored) -> None:
    lists.sync(ANN, BOB)
    lists.sync(ANN, BOB)
    lists.sync(ANN, BOB, list_name="Elsewhere")
    assert lists.klaviyo.members("Elsewhere") == {ANN, BOB}


def test_nobody_counts_as_a_member_who_could_not_be_imported(lists: Mirrored) -> None:
    hopeless = "fail+invalid@example.com"
    lists.sync(ANN, hopeless)
    assert lists.members() == lists.known() == {ANN}
    record = lists.sync(ANN, hopeless)
    assert record.counts is not None
    assert (record.counts.adds, record.counts.unchanged) == (1, 1)
    assert len(lists.dead()) == 1  # what the first one came to is void


def test_whom_nothing_identifies_is_counted_and_the_others_are_sent(lists: Mirrored) -> None:
    record = lists.sync(ANN, "no address", {"plan": "gold"}, {"email": BOB})
    assert lists.members() == {ANN, BOB}
    assert record.counts is not None
    assert record.counts.shrink == {"email_invalid": 1, "identity_missing": 1}
    assert record.examples == {"email_invalid": [2], "identity_missing": [3]}


def test_a_dead_letter_that_would_put_somebody_back_is_void(lists: Mirrored) -> None:
    policy = lists.system.connections.named("default").policy
    hopeless = "fail+invalid@example.com"
    single(lists.redis, policy, hopeless, on=True, at=lists.later())
    lists.settle()
    assert len(lists.dead()) == 1
    lists.sync(ANN)
    assert lists.dead() == []
    lists.settle()


def test_the_body_of_a_snapshot_for_later_waits_for_its_launch(lists: Mirrored) -> None:
    name = lists.send(ANN, not_before=now_ms() + 3_600_000)
    for _ in range(5):
        lists.system.work()
    assert (lists.members(), lists.record(name).state) == (set(), "queued")
    other = lists.sync(BOB)
    assert (lists.record(name).state, other.state) == ("superseded", "delivered")
    assert lists.members() == {BOB}


def test_a_snapshot_carries_its_launch_into_the_future_without_being_lost(
    lists: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = now_ms() + 3_600_000
    name = lists.send(ANN, not_before=launch)
    lists.system.work()
    monkeypatch.setattr(kind, "now_ms", lambda: launch)
    lists.settle()
    assert (lists.members(), lists.record(name).state) == ({ANN}, "delivered")
