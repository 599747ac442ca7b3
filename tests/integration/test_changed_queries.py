"""A query that was changed: the guard is stricter until a run with the change is good, and what good means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from ops.actions import release
from ops.queries.checking import forecast, wanted
from queues import holds
from queues.clock import now_ms
from queues.queries import good, slots
from queues.snapshots import orders
from tests.support.queries import state
from tests.support.query_shop import ANN, BOB, SQL, Shop, query_shop
from worker.process import settings_of_process
from worker.queries import run as worker

SNAPSHOTS = orders.queue_of("default", "42")
OTHER = "select email, plan from people where true"
#: After a change a third of 30 % of a list of 100 passes, and a smaller list counts as one.
MOST = 10


@pytest.fixture
def shop(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Shop]:
    with query_shop(redis, redis_url, monkeypatch, tmp_path) as found:
        yield found


def joined(shop: Shop, more: int) -> set[str]:
    """The table has the two people and so many more; all of them."""
    people = [ANN, BOB, *(f"new{number}@example.com" for number in range(more))]
    shop.people(*((each, "gold") for each in people))
    return {*people}


def why(shop: Shop) -> str:
    """What the guard says; empty if it holds nothing."""
    hold = holds.of_queue(shop.redis, SNAPSHOTS)
    return hold.resolve if hold else ""


def test_a_change_of_the_sql_lets_few_people_join_and_then_the_usual_limit_holds_again(shop: Shop) -> None:
    shop.run()
    shop.settings(sql=OTHER)
    everybody = joined(shop, MOST)
    assert shop.run().sql_changed
    assert (shop.snapshots(), shop.members()) == (["delivered", "delivered"], everybody)
    everybody = joined(shop, 5 * MOST)
    assert not shop.run().sql_changed
    assert (shop.snapshots()[-1], shop.members()) == ("delivered", everybody)


def test_beyond_it_the_run_is_held_with_the_numbers_until_it_is_released(shop: Shop) -> None:
    first = shop.run()
    shop.settings(sql=OTHER)
    everybody = joined(shop, MOST + 1)
    settings = settings_of_process()
    said = forecast(shop.redis, settings, *wanted(settings, "42")).guard
    assert said is not None
    held = shop.run(stays_held=True)
    assert (shop.snapshots(), shop.members()) == (["delivered", "held"], {ANN, BOB})
    assert why(shop).startswith(
        "The SQL changed since the last good run, and the result adds 11 people to the list of 2 and takes 0 off; "
        "after a change at most 10 each way need no review, a third of max_removal_percent (30). If this is intended"
    )
    assert said.casefold() == why(shop).partition(". ")[0].casefold()
    assert state(shop.redis, "42").good == first.id, "a held run is not good"
    release(shop.redis, settings, "cli:ann", SNAPSHOTS, holds.of_queue(shop.redis, SNAPSHOTS), force=False)
    shop.ended(held.id)
    assert (shop.snapshots()[-1], shop.members()) == ("delivered", everybody)
    assert state(shop.redis, "42").good == held.id
    joined(shop, 4 * MOST)
    assert not shop.run().sql_changed
    assert shop.snapshots()[-1] == "delivered"


def test_a_run_that_was_held_and_replaced_is_never_good(shop: Shop) -> None:
    first = shop.run()
    before = state(shop.redis, "42")
    assert before.good == first.id
    shop.settings(sql=OTHER.replace("plan", "plan as tier"))
    joined(shop, 20)
    shop.run(stays_held=True)
    assert state(shop.redis, "42") == before
    shop.settings(sql=OTHER)
    assert shop.run(stays_held=True).sql_changed, "it is still compared with the good one"
    assert "The SQL changed" in why(shop)
    shop.settings(sql=SQL)
    last = shop.run()
    assert (last.sql_changed, last.new_columns, last.rows_before) == (False, [], 2)
    assert shop.snapshots() == ["delivered", "superseded", "superseded", "delivered"]
    known = state(shop.redis, "42")
    assert (known.good, known.definition) == (last.id, before.definition)


def test_a_run_that_a_newer_snapshot_replaced_before_it_was_compared_is_not_good(shop: Shop) -> None:
    run_id, _ = slots.order(shop.redis, "42", "cli:ann", now_ms())
    worker.run(run_id)
    shop.lists.send(ANN, at=now_ms() + 1_000)
    shop.ended(run_id)
    assert (shop.snapshots(), shop.lists.members()) == (["superseded", "delivered"], {ANN})
    assert state(shop.redis, "42").good == ""


def test_the_time_of_the_last_run_is_that_of_the_last_good_one(shop: Shop) -> None:
    shop.settings(sql="select email, :last_run as seen from people")
    shop.run()
    good_at = state(shop.redis, "42").good_at
    shop.people()
    shop.run(stays_held=True)
    assert why(shop)
    assert state(shop.redis, "42").good_at == good_at


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ('columns = { tier = "plan" }\n', "The setting columns changed"),
        ('[sources.other]\nsqlite = "shop.sqlite"\n', "The source changed"),
    ],
)
def test_another_source_and_other_columns_are_changes_too(shop: Shop, more: str, what: str) -> None:
    shop.run()
    shop.settings(more)
    if "sources" in more:
        file = shop.folder / "connections.toml"
        file.write_text(file.read_text().replace('source = "shop"', 'source = "other"'))
    joined(shop, MOST + 1)
    shop.run(stays_held=True)
    assert why(shop).startswith(what)
    shop.run(confirmed=True)
    assert shop.snapshots()[-1] == "delivered"


def test_an_older_result_never_becomes_the_last_good_one(redis: Redis) -> None:
    assert good.accepted(redis, "vips-2", 2_000, {"SQL": "b"})
    assert good.accepted(redis, "vips-2", 2_000, {"SQL": "b"}), "a repetition"
    assert not good.accepted(redis, "vips-1", 1_000, {"SQL": "a"})
    assert (state(redis).good, state(redis).good_at, state(redis).definition) == ("vips-2", 2_000, {"SQL": "b"})
    assert good.changed(state(redis), {"SQL": "b", "source": "shop"}) == [], "nobody knows the source of then"
