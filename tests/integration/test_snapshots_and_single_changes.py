"""Snapshots and single changes of the same people: who wins, whatever waits and whenever it comes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from queues import holds, keys, pending
from queues.clock import now_ms
from queues.snapshots import guard as succession
from scheduler.tick import tick
from snapshots import plan as guard
from tests.support.mirrored import Mirrored
from tests.support.snapshot_audience import QUEUE, plans, single
from worker.deliver import deliver
from worker.snapshots import apply, baseline
from worker.snapshots import plan as snapshot_plan

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"


def change(lists: Mirrored, email: str, *, on: bool | None, at: int, plan: str | None = None) -> None:
    single(lists.redis, lists.system.connections.named("default").policy, email, on, at, plan)


def during(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, happen: Callable[[], None]) -> None:
    """The first time that a step is reached, something happens before it."""
    original = getattr(module, name)

    def step(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(module, name, original)
        happen()
        return original(*given, **more)

    monkeypatch.setattr(module, name, step)


@pytest.mark.parametrize(("on", "ends"), [(True, {ANN, BOB}), (False, {ANN})])
def test_a_single_change_of_a_later_time_stands_against_a_snapshot(lists: Mirrored, on: bool, ends: set[str]) -> None:
    lists.sync(ANN)
    change(lists, BOB, on=on, at=lists.at + 100_000)
    lists.settle()
    record = lists.sync(*({ANN} if on else {ANN, BOB}))
    assert lists.members() == lists.known() == ends
    assert record.counts is not None
    assert record.counts.newer == 1


@pytest.mark.parametrize("on", [True, False])
def test_a_single_change_of_an_earlier_time_gives_way_to_a_snapshot(lists: Mirrored, on: bool) -> None:
    lists.sync(ANN)
    change(lists, BOB, on=on, at=lists.at)
    lists.settle()
    lists.later()
    lists.sync(*({ANN} if on else {ANN, BOB}))
    assert lists.members() == lists.known() == ({ANN} if on else {ANN, BOB})


def test_what_waits_when_a_snapshot_comes_is_delivered_first(lists: Mirrored) -> None:
    lists.sync(ANN, BOB)
    change(lists, BOB, on=False, at=lists.later())
    change(lists, CID, on=True, at=lists.later())
    record = lists.sync(ANN, BOB)
    assert lists.members() == {ANN, BOB}
    assert record.counts is not None
    assert (record.counts.adds, record.counts.removals, record.counts.newer) == (1, 1, 0)


def test_a_snapshot_says_for_what_it_waits(lists: Mirrored, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    holds.place(lists.redis, QUEUE, holds.Hold("by hand", now_ms()))
    change(lists, ANN, on=True, at=lists.later())
    name = lists.send(BOB)
    for _ in range(3):
        lists.system.work()
    assert lists.record(name).state == "queued"
    assert f"snapshot {name}: 1 earlier changes of {QUEUE} are pending; it is held (by hand)" in caplog.text
    holds.release(lists.redis, QUEUE)
    lists.settle()
    assert lists.members() == {BOB}


@pytest.mark.parametrize(
    ("module", "step"),
    [(baseline, "list_of"), (snapshot_plan, "gather"), (guard, "verdict"), (apply, "encode")],
    ids=["base", "plan", "guard", "apply"],
)
def test_a_single_change_that_comes_meanwhile_wins(
    lists: Mirrored, monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    lists.sync(ANN, BOB)

    def happen() -> None:
        change(lists, BOB, on=True, at=1_000)
        change(lists, CID, on=False, at=1_000)

    during(monkeypatch, module, step, happen)
    lists.sync(ANN, CID)
    assert lists.members() == {ANN, BOB}
    assert lists.left_over() == []


def test_an_update_that_comes_meanwhile_keeps_nobody_on_the_list_and_nobody_off_it(
    lists: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.sync({"email": ANN, "plan": "gold"}, BOB, attributes=("plan",))

    def happen() -> None:
        for email in (ANN, BOB, CID):
            change(lists, email, on=None, at=now_ms(), plan="red")

    during(monkeypatch, snapshot_plan, "gather", happen)
    lists.sync({"email": ANN, "plan": "blue"}, {"email": CID, "plan": "blue"}, attributes=("plan",))
    assert lists.members() == lists.known() == {ANN, CID}
    assert plans(lists.klaviyo) == {ANN: "red", CID: "red"}
    assert lists.left_over() == []


def test_a_single_change_that_is_delivered_while_the_list_is_read_is_not_forgotten(
    lists: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.sync(ANN, BOB)

    def happen() -> None:
        change(lists, BOB, on=False, at=lists.at - 500)
        change(lists, CID, on=True, at=lists.at - 500)
        pending.flush(lists.redis, QUEUE, now_ms())
        tick(lists.redis, lists.system.connections, now_ms())
        (batch_id,) = succession.open_batches(lists.redis, QUEUE)
        for _ in range(3):
            lists.redis.hset(keys.batch(batch_id), "lease", 0) if lists.redis.exists(keys.batch(batch_id)) else None
            deliver(batch_id)
        assert lists.members() == {ANN, CID}

    during(monkeypatch, baseline, "read_list", happen)
    lists.sync(ANN, BOB, reconcile=True)
    assert lists.members() == lists.known() == {ANN, CID}


def test_attributes_that_a_single_change_wrote_are_sent_anew(lists: Mirrored) -> None:
    lists.sync({"email": ANN, "plan": "gold"}, attributes=("plan",))
    change(lists, ANN, on=True, at=lists.later(), plan="blue")
    lists.settle()
    before = len(lists.imported())
    lists.later()
    lists.sync({"email": ANN, "plan": "gold"}, attributes=("plan",))
    assert lists.imported()[before:] == [{"email": ANN, "properties": {"plan": "gold"}}]


def test_an_audience_without_snapshots_keeps_no_ledger_of_its_members(lists: Mirrored) -> None:
    change(lists, ANN, on=True, at=lists.later())
    lists.settle()
    assert (lists.members(), lists.known()) == ({ANN}, set())
