"""With `reconcile = "daily"` a list that somebody changed in Klaviyo is found, reported, and corrected only if told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from redis import Redis

from alerts import facts, rules
from configuration.alerts import Limits
from queues import keys
from queues.clock import now_ms
from queues.snapshots import comparisons, guard, orders
from queues.snapshots.records import Record, SnapshotOrder
from scheduler.comparisons import EVERY_MS, order_comparisons
from tests.support.emulator_api import Api
from tests.support.mirrored import Mirrored, mirrored
from tests.support.snapshot_audience import NAME, QUEUE, SYNCS
from tests.support.world import addresses

ANN, BOB, CID, EVE = (f"{name}@example.com" for name in ("ann", "bob", "cid", "eve"))
DAY: Final = comparisons.EVERY_MS


def daily(redis: Redis, url: str, patch: pytest.MonkeyPatch, folder: Path, more: str = "") -> Iterator[Mirrored]:
    file = folder / "connections.toml"
    file.write_text(f'[connections.default.audiences.42]\nreconcile = "daily"\n{more}')
    with mirrored(redis, url, patch, FERRY_CONNECTIONS=str(file)) as lists:
        yield lists


@pytest.fixture
def watched(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirrored]:
    """An audience whose list is compared every day."""
    yield from daily(redis, redis_url, monkeypatch, tmp_path)


@pytest.fixture
def corrected(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirrored]:
    """An audience whose list is compared every day, and corrected."""
    yield from daily(redis, redis_url, monkeypatch, tmp_path, "reconcile_repair = true\n")


def compared(lists: Mirrored, days: int = 0) -> Record | None:
    """Let a scheduler look after so many days, and bring everything to its end; the record of the comparison."""
    lists.redis.delete(keys.COMPARING)
    if not order_comparisons(lists.redis, lists.system.connections, now_ms() + days * DAY):
        return None
    lists.settle()
    return orders.records(lists.redis, SYNCS)[0]


def alerts_of(redis: Redis) -> list[str]:
    return [each.text for each in rules.judged(facts.look(redis), Limits()) if each.rule == "lists"]


def test_a_difference_is_reported_and_nothing_is_changed(watched: Mirrored) -> None:
    watched.sync(ANN, BOB)
    watched.on_list({"email": EVE})
    watched.off_list(ANN)
    record = compared(watched)
    assert record is not None
    assert (record.state, record.drift) == ("delivered", {"on_the_list_only": 1, "in_the_ledger_only": 1})
    assert (watched.members(), watched.known()) == ({BOB, EVE}, {ANN, BOB})
    (text,) = alerts_of(watched.redis)
    assert "1 person on the list whom Ferry did not put there, 1 person is missing from it" in text
    assert watched.left_over() == []
    # The next sync that asks Klaviyo corrects the list, and so ends the alert.
    watched.sync(ANN, BOB, reconcile=True)
    assert (watched.members(), alerts_of(watched.redis)) == ({ANN, BOB}, [])


def test_a_list_is_compared_once_a_day_and_not_before_its_first_sync(watched: Mirrored) -> None:
    assert compared(watched) is None
    watched.sync(ANN)
    record = compared(watched)
    assert record is not None
    assert (record.drift, record.counts) == ({"on_the_list_only": 0, "in_the_ledger_only": 0}, None)
    assert (compared(watched), alerts_of(watched.redis)) == (None, [])
    watched.send(ANN, BOB)
    assert compared(watched, days=1) is None, "a snapshot is on its way"
    watched.settle()
    assert compared(watched, days=1) is not None


def test_several_schedulers_order_one_comparison(watched: Mirrored) -> None:
    watched.sync(ANN)
    ordered = [order_comparisons(watched.redis, watched.system.connections, now_ms() + each) for each in range(3)]
    assert ordered == [1, 0, 0]
    assert watched.redis.pttl(keys.COMPARING) <= EVERY_MS


def test_a_repair_makes_the_list_equal_to_the_ledger(corrected: Mirrored) -> None:
    corrected.sync({"email": ANN, "plan": "gold"}, BOB, attributes=("plan",))
    corrected.on_list({"email": EVE})
    corrected.off_list(ANN)
    record = compared(corrected)
    assert record is not None
    assert record.counts is not None
    assert (record.state, record.counts.adds, record.counts.removals, record.outcomes.delivered) == (
        "delivered",
        1,
        1,
        2,
    )
    assert (corrected.members(), corrected.known(), alerts_of(corrected.redis)) == ({ANN, BOB}, {ANN, BOB}, [])
    assert corrected.left_over() == []
    # A repair is not a snapshot: an older one that arrives late is still the newest.
    assert corrected.sync(ANN, CID).state == "delivered"
    assert corrected.members() == {ANN, CID}


def test_a_repair_that_would_take_many_people_off_is_left_to_a_person(corrected: Mirrored) -> None:
    corrected.sync(*addresses(80))
    corrected.on_list(*({"email": f"stranger{number}@example.com"} for number in range(60)))
    record = compared(corrected)
    assert record is not None
    assert (record.state, len(corrected.members())) == ("failed", 140)
    assert record.error.startswith("not repaired: the repair takes 60 of 140 people off the list: 42.9 %")
    (text,) = alerts_of(corrected.redis)
    assert "not repaired" in text


def test_of_a_deleted_list_everybody_is_missing(watched: Mirrored) -> None:
    watched.sync(ANN, BOB)
    (listed,) = watched.system.world.lists.named(NAME)
    with Api(watched.klaviyo.url) as api:
        assert api.call("DELETE", f"/api/lists/{listed.id}").status_code == 204
    record = compared(watched)
    assert record is not None
    assert record.drift == {"on_the_list_only": 0, "in_the_ledger_only": 2}


def test_a_comparison_never_takes_the_place_of_a_snapshot(watched: Mirrored) -> None:
    watched.sync(ANN)
    name = watched.send(BOB, confirmed=True)
    order = SnapshotOrder(orders.new_id(SYNCS), now_ms(), "ledger")
    orders.submit(watched.redis, SYNCS, Record(str(SYNCS), order, now_ms(), 0), b"", now_ms())
    assert watched.redis.llen(keys.queue(SYNCS, "pending")) == 2
    assert order.snapshot not in [each.snapshot for each in guard.waiting(watched.redis, SYNCS)]
    watched.settle()
    assert (watched.record(name).state, watched.members()) == ("delivered", {BOB})
    assert watched.redis.hget(keys.queue(QUEUE), "watching") is None
