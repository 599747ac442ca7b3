"""A list is read page by page, through Klaviyo's limits and its faults, and nobody is asked for it twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from queues.snapshots import rosters
from tests.support.mirrored import Mirrored, mirrored
from tests.support.snapshot_audience import NAME
from tests.support.world import addresses
from worker.snapshots import baseline

PEOPLE = addresses(250)


@pytest.fixture
def lists(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrored]:
    with mirrored(redis, redis_url, monkeypatch) as found:
        found.klaviyo.has_list(NAME, PEOPLE)
        yield found


def pages(lists: Mirrored) -> int:
    """Pages of the whole list that were given; whoever leaves is looked up with a filter."""
    asked = [call for call in lists.calls("/api/lists/", "GET") if "filter" not in call["query"]]
    return sum(call["path"].endswith("/profiles") and call["status"] == 200 for call in asked)


@pytest.mark.parametrize("fault", ["429", "503_html", "reset"])
def test_the_reading_goes_on_where_it_was(lists: Mirrored, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "PORTION", 100)
    whole = r"/api/lists/[^/]+/profiles"
    name = lists.send(*PEOPLE[:200], confirmed=True)
    # One page comes, then the fault.
    original = rosters.add

    def add(redis: Redis, snapshot_id: str, people: list[rosters.Identities]) -> None:
        monkeypatch.setattr(rosters, "add", original)
        lists.klaviyo.control("faults", fault=fault, match={"path": whole})
        original(redis, snapshot_id, people)

    monkeypatch.setattr(rosters, "add", add)
    lists.settle()
    assert lists.members() == lists.known() == set(PEOPLE[:200])
    record = lists.record(name)
    assert record.counts is not None
    assert (record.state, record.counts.held, record.counts.removals) == ("delivered", 250, 50)
    assert pages(lists) == 3
    assert lists.left_over() == []


def test_a_list_that_is_gone_has_nobody_on_it(lists: Mirrored) -> None:
    lists.sync(*PEOPLE)
    world = lists.system.world
    (gone,) = world.lists.named(NAME)
    del world.lists.by_id[gone.id]
    name = lists.send(*PEOPLE, reconcile=True)
    for _ in range(6):
        lists.system.work()
    record = lists.record(name)
    assert record.counts is not None
    assert (record.counts.held, record.counts.adds) == (0, 250)
    assert lists.hold() is None  # its audience's own queue is held: a person says whether there is to be a new list
