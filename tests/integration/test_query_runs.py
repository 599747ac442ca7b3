"""A worker carries out the runs of queries: a list is equal to the result, or it is not touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from ops.queries.checking import forecast, wanted
from queues import doorbell, holds
from queues.clock import now_ms
from queues.errors import QueueFull
from queues.queries import leases, records, slots
from queues.snapshots import guard, orders
from queues.snapshots.guard import GUARD
from scheduler import queries as schedule
from tests.support.queries import last, lease_over, state
from tests.support.query_shop import ANN, BOB, CID, SQL, Shop, query_shop
from tests.support.waiting import until
from worker.process import settings_of_process
from worker.queries import run as worker

#: A query that reads its rows does not end.
ENDLESS = "with recursive n(x) as (select 1 union all select x + 1 from n) select x as mailbox from n"


class Dead(BaseException):
    """The worker dies here."""


@pytest.fixture
def shop(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Shop]:
    with query_shop(redis, redis_url, monkeypatch, tmp_path) as found:
        yield found


def test_a_slot_makes_the_list_equal_to_the_result(shop: Shop) -> None:
    queries = settings_of_process().queries
    hour = 3_600_000
    start = now_ms() // hour * hour
    schedule.begin_due(shop.redis, queries, start)
    schedule.begin_due(shop.redis, queries, start + hour)
    worker.run(last(shop.redis, "42").id)
    run = shop.ended(last(shop.redis, "42").id)
    assert (run.state, run.rows, run.slot, run.error) == ("submitted", 2, start + hour, "")
    assert shop.members() == {ANN, BOB}
    shop.people((ANN, "gold"), (CID, "blue"))
    again = shop.run()
    record = orders.record(shop.redis, again.snapshot)
    assert record is not None
    assert record.counts is not None
    assert (record.state, record.counts.adds, record.counts.removals) == ("delivered", 1, 1)
    assert shop.members() == {ANN, CID}
    assert run.seconds is not None
    known = state(shop.redis, "42")
    assert (known.good, known.running, known.good_at) == (again.id, "", record.order.at)


@pytest.mark.parametrize(
    ("module", "name", "after"),
    [
        (orders, "stage", False),
        (orders, "stage", True),
        (guard, "submit", False),
        (orders, "submit", True),
        (guard, "submit", True),
        (leases, "end", False),
        (leases, "end", True),
    ],
)
def test_a_worker_that_dies_leaves_a_run_that_is_carried_out_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: bool
) -> None:
    run_id, _ = slots.order(shop.redis, "42", "cli:ann", now_ms())
    with monkeypatch.context() as patch:
        patch.setattr(module, name, _dying(getattr(module, name), after))
        with pytest.raises(Dead):
            worker.run(run_id)
    if (module, after) != (leases, True):
        assert shop.members() == set()
        lease_over(shop.redis, run_id)
    worker.run(run_id)
    run = shop.ended(run_id)
    assert (run.state, shop.members(), shop.snapshots()) == ("submitted", {ANN, BOB}, ["delivered"])
    assert state(shop.redis, "42").running == ""


def _dying(call: Callable[..., Any], after: bool) -> Callable[..., Any]:
    def dies(*args: Any, **more: Any) -> Any:
        if after:
            call(*args, **more)
        raise Dead

    return dies


def test_a_run_that_kills_three_workers_is_given_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id, _ = slots.order(shop.redis, "42", "cli:ann", now_ms())
    monkeypatch.setattr(orders, "stage", _dying(orders.stage, after=False))
    for _ in range(worker.MAX_STARTS):
        with pytest.raises(Dead):
            worker.run(run_id)
        lease_over(shop.redis, run_id)
    worker.run(run_id)
    run = shop.ended(run_id)
    assert (run.state, run.error, shop.snapshots()) == ("failed", "crashed_worker", [])


def test_a_result_that_is_not_as_it_must_be_touches_no_list(shop: Shop) -> None:
    shop.run()
    for more, sql, code in (
        ('columns = { plan = "tier" }', SQL, "columns"),
        ('attributes = ["plan", "points"]', SQL, "columns"),
        ("", "select email as mailbox, plan from people", "columns"),
        ("", ENDLESS, "columns"),
        ("min_rows = 3", SQL, "too_few_rows"),
        ("max_rows = 1", SQL, "too_many_rows"),
        ("", "select email from nowhere", "query_failed"),
        ("", "delete from people", "query_failed"),
    ):
        shop.settings(more, sql)
        run = shop.run()
        assert (run.state, run.error, run.snapshot) == ("failed", code, ""), more
        assert run.remedy.startswith("The list was not touched. ")
        assert ANN not in run.remedy
    assert (shop.members(), shop.snapshots()) == ({ANN, BOB}, ["delivered"])
    shop.settings()
    assert shop.run().state == "submitted"


def test_what_changed_since_the_last_good_run_is_noted(shop: Shop) -> None:
    first = shop.run()
    assert (first.sql_changed, first.new_columns, first.gone_columns) == (False, [], [])
    shop.settings(sql="select email, 1 as points from people")
    again = shop.run()
    assert again.sql_changed
    assert [name.partition(" ")[0] for name in again.new_columns] == ["points"]
    assert [name.partition(" ")[0] for name in again.gone_columns] == ["plan"]


def test_the_guard_holds_a_run_and_a_good_one_takes_its_place(shop: Shop) -> None:
    shop.run()
    shop.people()
    shop.run(stays_held=True)
    assert shop.snapshots() == ["delivered", "held"]
    hold = holds.of_queue(shop.redis, orders.queue_of("default", "42"))
    assert hold is not None
    assert hold.reason == GUARD
    shop.people((ANN, "gold"))
    shop.run()
    assert (shop.snapshots(), shop.members()) == (["delivered", "superseded", "delivered"], {ANN})
    shop.people()
    shop.run(confirmed=True)
    assert (shop.snapshots()[-1], shop.members()) == ("delivered", set())


def test_a_result_with_too_many_people_who_cannot_be_sent_is_held(shop: Shop) -> None:
    shop.settings("max_shrink_percent = 25")
    shop.people((ANN, "gold"), ("nobody@", "blue"))
    run = shop.run(stays_held=True)
    record = orders.record(shop.redis, run.snapshot)
    assert record is not None
    assert (record.state, shop.members()) == ("held", set())
    hold = holds.of_queue(shop.redis, orders.queue_of("default", "42"))
    assert hold is not None
    said = "1 of 2 people in the snapshot cannot be sent: 50.0 %, and max_shrink_percent is 25"
    assert said in hold.resolve
    settings = settings_of_process()
    assert forecast(shop.redis, settings, *wanted(settings, "42")).guard == said


def test_a_cancelled_run_touches_no_list(shop: Shop) -> None:
    run_id, _ = slots.order(shop.redis, "42", "cli:ann", now_ms())
    assert leases.cancel(shop.redis, run_id, now_ms())
    worker.run(run_id)
    assert (shop.ended(run_id).state, shop.snapshots(), state(shop.redis, "42").running) == ("cancelled", [], "")


def test_a_run_that_was_submitted_is_not_said_to_be_cancelled(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id, _ = slots.order(shop.redis, "42", "cli:ann", now_ms())
    with monkeypatch.context() as patch:
        patch.setattr(guard, "submit", _dying(guard.submit, after=True))
        with pytest.raises(Dead):
            worker.run(run_id)
    assert leases.cancel(shop.redis, run_id, now_ms())
    lease_over(shop.redis, run_id)
    worker.run(run_id)
    assert (shop.ended(run_id).state, shop.snapshots()) == ("submitted", ["delivered"])


def test_a_run_is_cancelled_while_the_database_thinks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.settings(sql=ENDLESS.replace("x as mailbox", "count(*) as email"))
    monkeypatch.setattr(worker, "RENEW_S", 0.05)
    run_id, _ = slots.order(shop.redis, "42", "cli:ann", now_ms())
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(worker.run, run_id)
        until(lambda: last(shop.redis, "42").state == "reading")
        assert leases.cancel(shop.redis, run_id, now_ms())
        running.result(60)
    assert (shop.ended(run_id).state, shop.snapshots()) == ("cancelled", [])


def test_a_worker_that_is_interrupted_gives_its_run_back(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise doorbell.INTERRUPTIONS[1]("the job takes too long")

    run_id, _ = slots.order(shop.redis, "42", "cli:ann", now_ms())
    with monkeypatch.context() as patch:
        patch.setattr(orders, "stage", interrupted)
        worker.run(run_id)
    assert leases.to_ring(shop.redis, now_ms()) == [run_id]
    worker.run(run_id)
    assert (shop.ended(run_id).state, shop.members()) == ("submitted", {ANN, BOB})


def test_the_run_of_a_query_that_is_gone_ends(shop: Shop) -> None:
    run_id, _ = slots.order(shop.redis, "gone", "cli:ann", now_ms())
    worker.run(run_id)
    ended = shop.ended(run_id)
    assert ended.error == "query_unknown"
    assert "The worker knows no query 'gone': connections.toml had none when it started" in ended.remedy
    assert "restart Ferry" in ended.remedy


@pytest.mark.parametrize(
    ("fault", "code"), [(QueueFull("default/snapshot/42"), "queue_full"), (OutOfMemoryError(), "ledger_full")]
)
def test_without_room_for_its_snapshot_the_run_fails(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, fault: Exception, code: str
) -> None:
    monkeypatch.setattr(guard, "submit", _raising(fault))
    run_id, _ = slots.order(shop.redis, "42", "cli:ann", now_ms())
    worker.run(run_id)
    found = records.run(shop.redis, run_id)
    assert found is not None
    assert (found.state, found.error, found.snapshot) == ("failed", code, "")


def test_a_snapshot_that_was_carried_out_is_not_submitted_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id, _ = slots.order(shop.redis, "42", "cli:ann", now_ms())
    with monkeypatch.context() as patch:
        patch.setattr(leases, "end", _dying(leases.end, after=False))
        with pytest.raises(Dead):
            worker.run(run_id)
    shop.lists.settle()
    lease_over(shop.redis, run_id)
    monkeypatch.setattr(guard, "submit", _raising(OutOfMemoryError()))
    worker.run(run_id)
    assert (shop.ended(run_id).state, shop.snapshots()) == ("submitted", ["delivered"])


def _raising(fault: Exception) -> Callable[..., None]:
    def raises(*_: object) -> None:
        raise fault

    return raises
