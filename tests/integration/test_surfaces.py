"""The page, the command, the API, the metrics and the alerts show the same figures, in whatever state the ledger is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from redis import Redis

from alerts import facts, rules
from configuration.alerts import Limits
from console.auth.roles import Role
from ops.stuck import stuck
from ops.verdict import judge
from queues import batches, holds, keys
from queues.census import Census, take_census, take_summary
from queues.clock import now_ms
from queues.figures import Totals
from queues.holds import Hold
from queues.names import Queue
from queues.settlement import Settlement, Undeliverable
from queues.snapshots import guard, orders
from tests.support.cluster import BOTH
from tests.support.console import Console, console
from tests.support.metrics import scrape
from tests.support.ops import LAPSED, VIPS, ferry, put, settle, take
from tests.support.people import names

EVENTS: Final = Queue("default", "event", "events")
#: The parts of the equation that every surface has.
PARTS: Final = ("accepted", "pending", "open", "delivered", "imported", "dead", "superseded")

pytestmark = BOTH


def others(redis: Redis) -> None:
    """Another connection, in which something of everything has happened."""
    put(redis, *names(130), queue=LAPSED, name="Lapsed", dead="dead@example.com")
    batch = take(redis, LAPSED)
    assert batch is not None
    settle(redis, batch, superseded=5, dead=2)
    put(redis, "event@example.com", queue=EVENTS, name="")


def pending(redis: Redis) -> None:
    put(redis, *names(3))


def due(redis: Redis) -> None:
    put(redis, *names(120))


def opened(redis: Redis) -> batches.Batch:
    due(redis)
    batch_id = take(redis)
    assert batch_id is not None
    batch = batches.reclaim(redis, batch_id, now_ms(), 60_000)
    assert batch is not None
    return batch


def retrying(redis: Redis) -> None:
    batches.submit(redis, opened(redis), b'{"stage":"upload","trouble":"http_503"}', now_ms() + 60_000, 1, fails=True)


def limited(redis: Redis) -> None:
    batches.submit(redis, opened(redis), b'{"stage":"upload","trouble":"throttled"}', now_ms() + 60_000, fails=False)


def held(redis: Redis) -> None:
    due(redis)
    holds.place(redis, VIPS, Hold("list_gone", now_ms(), "Restore the list."))


def held_by_a_person(redis: Redis) -> None:
    pending(redis)
    holds.place(redis, VIPS, Hold("ask Ann", now_ms()))


def key_refused(redis: Redis) -> None:
    opened(redis)
    holds.place(redis, "default", Hold("unauthenticated", now_ms(), "Give it a key.", probed=True))


def dead_letters(redis: Redis) -> None:
    due(redis)
    batch_id = take(redis)
    assert batch_id is not None
    settle(redis, batch_id, dead=7)


def dead_on_arrival(redis: Redis) -> None:
    put(redis, dead="nobody@example.com")


def unproved(redis: Redis) -> None:
    end = Settlement(2, [Undeliverable(0, "no_email", {})], warnings={"phone_invalid": 3}, imported=40)
    batches.settle(redis, opened(redis), end, now_ms())


def snapshot_held(redis: Redis) -> None:
    pending(redis)
    queue = orders.queue_of("default", "42")
    order = orders.SnapshotOrder(orders.new_id(queue), now_ms(), "csv")
    orders.submit(redis, queue, orders.Record(str(queue), order, now_ms(), 0), b'{"name":"VIPs"}', now_ms())
    holds.place(redis, queue, Hold(guard.GUARD, now_ms(), "The snapshot takes 163 of 200 people off the list."))


STATES: Final[dict[str, Callable[[Redis], Any]]] = {
    "empty": lambda redis: redis.flushall(),
    **{
        made.__name__.replace("_", " "): made
        for made in (
            *(pending, due, opened, retrying, limited, held, held_by_a_person, key_refused),
            *(dead_letters, dead_on_arrival, unproved, snapshot_held),
        )
    },
}


def parts_of(equation: str) -> dict[str, int]:
    """The figures of `270 accepted = 50 pending + 100 open ...`; imported ones are left out if there are none."""
    found = {name: int(figure.replace(",", "")) for figure, name in re.findall(r"([\d,]+) ([a-z]+)", equation)}
    return dict.fromkeys(PARTS, 0) | found


def on_the_page(served: Console) -> dict[str, int]:
    page = served.browser(Role.VIEWER).get(f"{served.url}/", timeout=30).text
    (equation,) = re.findall(r"[\d,]+ accepted = [\d, a-z+]+", page)
    return parts_of(equation)


def summed(queues: list[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(queue[name] for queue in queues) for name in PARTS}


def in_the_metrics(served: Console) -> dict[str, int]:
    told = scrape(served)
    found = {}
    for name in PARTS:
        kind = "" if name in ("pending", "open", "dead") else "_total"
        found[name] = int(sum(told.of(f"ferry_changes_{name}{kind}").values()))
    assert set(told.of("ferry_changes_missing").values()) <= {0}
    return found


@pytest.mark.parametrize("state", STATES)
def test_every_surface_shows_the_same_figures(redis: Redis, redis_url: str, tmp_path: Path, state: str) -> None:
    others(redis)
    STATES[state](redis)
    counted = Totals.counted(take_census(redis).queues).all
    expected = {name: getattr(counted, name) for name in PARTS}
    with console(redis_url) as served:
        answer = requests.get(f"{served.url}/v1/queues", headers=served.bearer(Role.VIEWER), timeout=30).json()
        assert summed(answer["queues"]) == expected
        assert sum(queue["dead_kept"] for queue in answer["queues"]) == counted.kept
        assert in_the_metrics(served) == expected
        if state != "empty":
            assert on_the_page(served) == expected
        assert sum(scrape(served).of("ferry_dead_letters_kept").values()) == counted.kept
    printed = ferry(redis_url, tmp_path, "status").stdout
    (equation,) = re.findall(r"[\d,]+ accepted = [\d, a-z+]+", " ".join(printed.split()))
    assert parts_of(equation) == expected
    assert summed(json.loads(ferry(redis_url, tmp_path, "status", "--json").stdout)["queues"]) == expected
    some = json.loads(ferry(redis_url, tmp_path, "status", "--json", "--limit", "1").stdout)
    assert (len(some["queues"]), some["balanced"]) == (min(1, counted.queues), True)


@pytest.mark.parametrize("state", STATES)
def test_what_is_kept_leads_to_the_same_verdict_as_what_is_counted(redis: Redis, state: str) -> None:
    others(redis)
    STATES[state](redis)
    redis.set(keys.HEARTBEAT, now_ms())
    every, some = take_census(redis), take_summary(redis)
    assert some.kept is not None
    assert some.totals == every.totals
    alike = Census(every.at, some.queues, every.holds, every.heartbeat, {"a": "idle"}, every.shared, None, some.kept)
    whole = Census(every.at, every.queues, every.holds, every.heartbeat, {"a": "idle"}, every.shared)
    assert judge(alike) == judge(whole)
    assert list(stuck(alike)) == list(stuck(whole))


@pytest.mark.parametrize("state", STATES)
def test_alerts_of_what_is_kept_are_those_of_what_is_counted(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    others(redis)
    STATES[state](redis)
    limits = Limits(dead_letters=1, dead_percent=1, oldest_over_minutes=0)
    kept = facts.look(redis)
    monkeypatch.setattr(facts, "take_summary", lambda redis, **_: take_census(redis))
    counted = facts.look(redis)
    assert len(kept.census.queues) <= len(counted.census.queues)
    assert [each.id for each in rules.judged(kept, limits)] == [each.id for each in rules.judged(counted, limits)]
