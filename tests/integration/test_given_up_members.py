"""What the membership ledger knows of people whose delivery was given up although Klaviyo had carried it out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from queues import pending
from queues.clock import now_ms
from queues.policy import FlushPolicy
from tests.support.mirrored import Mirrored, mirrored
from tests.support.snapshot_audience import QUEUE, single
from worker import refusals

ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
def lists(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrored]:
    monkeypatch.setattr(refusals, "MAX_ATTEMPTS", 1)
    with mirrored(redis, redis_url, monkeypatch) as found:
        yield found


def carried_out_and_given_up(lists: Mirrored, method: str, path: str) -> None:
    """Klaviyo carries out what waits, loses the answer of this request, and then fails: a dead letter."""
    lists.klaviyo.control("faults", fault="lost_response", match={"method": method, "path": path})
    pending.flush(lists.redis, QUEUE, now_ms())
    lists.system.work()
    lists.klaviyo.control("faults", fault="500", match={"path": path})
    lists.settle()
    assert lists.dead() == ["gave_up"]


def test_who_may_have_been_put_on_the_list_is_taken_off_by_a_snapshot_without_them(lists: Mirrored) -> None:
    lists.sync(ANN)
    single(lists.redis, FlushPolicy(), BOB, True, lists.later())
    carried_out_and_given_up(lists, "POST", "/api/profile-bulk-import-jobs")
    assert lists.members() == {ANN, BOB}
    lists.sync(ANN)
    assert lists.members() == lists.known() == {ANN}


def test_who_may_have_been_taken_off_is_put_back_by_a_snapshot_with_them(lists: Mirrored) -> None:
    lists.sync(ANN, BOB)
    single(lists.redis, FlushPolicy(), BOB, False, lists.later())
    carried_out_and_given_up(lists, "DELETE", "/api/lists/")
    assert lists.members() == {ANN}
    record = lists.sync(ANN, BOB)
    assert record.counts is not None
    assert (record.counts.adds, record.counts.unchanged) == (1, 1)
    assert lists.members() == lists.known() == {ANN, BOB}


def test_the_attributes_of_a_member_that_may_have_been_written_are_sent_again(lists: Mirrored) -> None:
    lists.sync({"email": BOB, "plan": "gold"}, attributes=("plan",))
    single(lists.redis, FlushPolicy(), BOB, True, lists.later(), plan="blue")
    carried_out_and_given_up(lists, "POST", "/api/profile-bulk-import-jobs")
    lists.sync({"email": BOB, "plan": "gold"}, attributes=("plan",))
    assert lists.imported()[-1]["properties"] == {"plan": "gold"}
