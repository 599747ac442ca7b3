"""`/metrics` after real deliveries: every step moves its counter, and none is stopped by one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import requests
from redis import Redis

from configuration.connections import Connection, Connections
from console.auth.roles import Role
from console.metrics.page import Scrape
from klaviyo.outcomes import Retry
from klaviyo.subscriptions import subscription
from queues import batches, holds, keys, metrics, pending
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from scheduler.tick import tick
from tests.support.client import OpenLimiter, client_of
from tests.support.console import Console, console
from tests.support.emulator_api import Api
from tests.support.intake import TOKEN, Intake
from tests.support.metrics import Scraped, scrape
from tests.support.ops import put
from tests.support.recovery import open_batches
from tests.support.world import QUEUE, World
from worker.delivery import count_deaths, count_retry

IMPORT = "bulk_import_profiles"
CONNECTIONS = Connections({"default": Connection("default")})
HERE = ("default", "audience")


@pytest.fixture
def served(redis: Redis, redis_url: str) -> Iterator[Console]:
    """A console of its own for each test: a census is shown for a second."""
    with console(redis_url) as running:
        yield running


def taken_by_the_scheduler(world: World) -> str:
    """The batch of a flush that somebody asked for."""
    pending.flush(world.redis, QUEUE, now_ms())
    tick(world.redis, CONNECTIONS, now_ms())
    (batch_id,) = open_batches(world.redis)
    return batch_id


def test_a_delivery_moves_the_counters(world: World, served: Console) -> None:
    world.change("add", "ann@example.com", "ben@example.com", "un mappable@example.com", "fail+blocked@example.com")
    batch_id = taken_by_the_scheduler(world)
    for _ in range(3):
        world.ring(batch_id)
    told = scrape(served)
    assert told.of("ferry_changes_accepted_total") == {HERE: 4}
    assert told.of("ferry_changes_delivered_total") == {HERE: 2}
    assert told.of("ferry_changes_dead") == told.of("ferry_dead_letters_kept") == {HERE: 2}
    assert told.of("ferry_dead_letters_total") == {(*HERE, "email_invalid"): 1, (*HERE, "other"): 1}
    assert told.of("ferry_changes_missing") == told.of("ferry_changes_open") == {HERE: 0}
    assert told.of("ferry_batches_taken_total") == {(*HERE, "operator"): 1}
    assert told.of("ferry_klaviyo_calls_total")["default", IMPORT] == 1
    assert told.of("ferry_import_job_duration_seconds_count") == {("default",): 1}
    assert told.of("ferry_import_job_duration_seconds_bucket")["default", "+Inf"] == 1
    assert told.of("ferry_delivery_retries_total") == told.of("ferry_lease_expiries_total") == {}
    assert 0 <= told.of("ferry_scheduler_lag_seconds")[()] < 60
    assert told.of("ferry_redis_memory_used_bytes")[()] > told.of("ferry_redis_memory_max_bytes")[()] == 0
    assert "example.com" not in told.text


def test_what_waits_and_what_is_held_is_told(redis: Redis, served: Console) -> None:
    put(redis, "ann@example.com", "ben@example.com")
    redis.lset(keys.queue(QUEUE, "pending"), 0, _older(redis, 90_000))
    holds.place(redis, QUEUE, Hold("wrong list", now_ms()))
    holds.place(redis, "brand-b", Hold("unauthenticated", now_ms()))
    told = scrape(served)
    assert told.of("ferry_changes_pending") == {HERE: 2}
    assert told.of("ferry_oldest_pending_age_seconds")[HERE] >= 90
    assert told.of("ferry_holds") == {HERE: 1, ("default", "connection"): 0, ("brand-b", "connection"): 1}
    assert told.of("ferry_scheduler_lag_seconds") == {(): float("inf")}
    assert set(told.of("ferry_workers").values()) == {0}


def _older(redis: Redis, ms: int) -> str:
    """The change that waits longest, as if it had come so much earlier."""
    (head,) = redis.lrange(keys.queue(QUEUE, "pending"), 0, 0)
    assert isinstance(head, bytes)
    return f"{head[:1].decode()}{int(head[1:14]) - ms}{head[14:].decode()}"


def test_a_429_and_the_wait_that_it_asks_for_are_counted(world: World, served: Console) -> None:
    world.fault("429", "/api/profile-bulk-import-jobs", retry_after=30)
    world.change("add", "ann@example.com")
    batch_id = taken_by_the_scheduler(world)
    for _ in range(2):  # refused by Klaviyo, then by our own limiter
        world.ring(batch_id)
    told = scrape(served)
    assert told.of("ferry_klaviyo_throttled_total") == {("default", IMPORT): 1}
    assert told.of("ferry_klaviyo_calls_total")["default", IMPORT] == 1
    assert told.of("ferry_limiter_waits_total") == {("default", IMPORT): 1}
    assert 0 < told.of("ferry_limiter_wait_seconds_total")["default", IMPORT] <= 30
    assert told.of("ferry_delivery_retries_total") == {(*HERE, "own_limit"): 1, (*HERE, "throttled"): 1}


def test_a_field_that_klaviyo_left_out_of_what_it_took_is_counted(api: Api, redis: Redis, served: Console) -> None:
    list_id = api.make_list(opt_in_process="single_opt_in")
    with client_of(api, OpenLimiter(), meter=metrics.CallMeter(redis, "default")) as client:
        for email in ("ann@example.com", "ben@example.com"):
            client.subscribe([subscription(email, "+12025", None)], list_id, None, historical=False)
    told = scrape(served).of("ferry_klaviyo_partial_failures_total")
    assert told == {("default", "bulk_subscribe_profiles", "phone_number"): 2}
    assert api.members() == ["ann@example.com", "ben@example.com"]


def test_a_lease_that_ran_out_in_a_workers_hands_is_counted_and_one_given_back_is_not(
    world: World, served: Console
) -> None:
    world.change("add", "ann@example.com")
    batch_id = taken_by_the_scheduler(world)
    assert batches.reclaim(world.redis, batch_id, now_ms(), 60_000) is not None  # by a worker that dies of it
    for _ in range(3):
        world.ring(batch_id)
    assert scrape(served).of("ferry_lease_expiries_total") == {HERE: 1}


def test_an_import_job_that_klaviyo_lost_is_a_retry(world: World, served: Console) -> None:
    world.change("add", "ann@example.com")
    batch_id = world.deliver(rings=1)
    world.control("jobs", lifetime_seconds=0)
    world.ring(batch_id)
    world.control("jobs", lifetime_seconds=604800)
    assert scrape(served).of("ferry_delivery_retries_total") == {(*HERE, "import_lost"): 1}


def test_a_change_that_is_dead_on_arrival_is_counted_and_its_repetition_is_not(
    intake: Intake, redis: Redis, served: Console
) -> None:
    message = {"audience": {"id": "42"}, "changes": [{"action": "add"}, {"action": "add", "email": "ann@example.com"}]}
    for _ in range(2):
        assert intake.post("/v1/changes", message, TOKEN, Idempotency_Key="once").status_code == 202
    told = scrape(served)
    assert told.of("ferry_dead_letters_total") == {(*HERE, "no_identity"): 1}
    assert told.of("ferry_changes_accepted_total") == {HERE: 2}


def test_a_change_whose_time_cannot_be_is_counted_and_its_repetition_is_not(
    intake: Intake, redis: Redis, served: Console
) -> None:
    times = (1_700_000_000, "2999-01-01", "2026-01-01")
    changes = [{"action": "add", "email": f"p{at}@example.com", "timestamp": at} for at in times]
    for _ in range(2):
        message = {"audience": {"id": "42"}, "changes": changes}
        assert intake.post("/v1/changes", message, TOKEN, Idempotency_Key="once").status_code == 202
    told = scrape(served)
    assert told.of("ferry_time_clamped_total") == {("default", "changes"): 2}
    assert told.of("ferry_changes_accepted_total") == {HERE: 3}


def test_counters_that_cannot_be_written_stop_no_delivery_and_are_logged_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.redis.set(keys.METRICS, "no hash")
    world.change("add", "ann@example.com", "un mappable@example.com")
    batch_id = taken_by_the_scheduler(world)
    for _ in range(3):
        world.ring(batch_id)
    assert world.counts() == {"accepted": 2, "open": 0, "delivered": 1, "dead": 1, "superseded": 0}
    assert caplog.text.count("the counts of /metrics are being lost") == 1
    world.redis.delete(keys.METRICS)
    metrics.count(world.redis, {("calls", "default", IMPORT): 1})
    world.redis.set(keys.METRICS, "no hash again")
    metrics.count(world.redis, {("calls", "default", IMPORT): 1})
    assert caplog.text.count("the counts of /metrics are being lost") == 2


def test_a_full_redis_loses_counts_and_nothing_else(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    metrics.count(redis, {("calls", "default", IMPORT): 1})
    redis.config_set("maxmemory", "1")
    try:
        metrics.count(redis, {("calls", "default", IMPORT): 1})
    finally:
        redis.config_set("maxmemory", "0")
    assert metrics.read(redis) == {("calls", "default", IMPORT): 1}
    assert "(OutOfMemoryError); deliveries go on" in caplog.text


def test_what_a_scrape_takes_long_for_holds_up_nobody_who_sends(
    served: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[bool] = []

    def noted(scrape: Scrape) -> bytes:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        beside.append(True)
        return text(scrape)

    text = Scrape.text
    monkeypatch.setattr(Scrape, "text", noted)
    assert "ferry_workers" in scrape(served).text
    assert beside == [True]


def test_a_scrape_that_cannot_be_whole_is_refused(redis: Redis, served: Console) -> None:
    redis.set(keys.METRICS, "no hash")
    answer = requests.get(f"{served.url}/metrics", headers=served.bearer(Role.VIEWER), timeout=60)
    assert (answer.status_code, answer.json()["error"]["title"]) == (503, "Redis cannot be used")


def many(redis: Redis, audiences: int) -> None:
    """So many audiences of as many mParticle accounts, and as many reasons of Klaviyo's."""
    put(redis, "p@example.com")
    for number in range(audiences - 1):
        queue = Queue(f"mparticle-{number}", "audience", f"audience {number}")
        put(redis, f"p{number}@example.com", queue=queue, name=f"Audience {number}")
        count_deaths(redis, queue, [f"klaviyo says {number}"])
        count_retry(redis, queue, Retry(None, counts=True, why=f"whatever {number}"))
        count_retry(redis, queue, Retry(None, counts=True, why=f"network:Fault{number}"))
        count_retry(redis, queue, Retry(None, counts=True, why=f"http_{number}"))


def test_the_number_of_series_is_bounded(redis: Redis, redis_url: str) -> None:
    told = dict[int, Scraped]()
    for audiences in (100, 1_000):
        redis.flushdb()
        many(redis, audiences)
        with console(redis_url) as served:
            told[audiences] = scrape(served)
    assert len(told[100].samples) == len(told[1_000].samples) < 1_000
    assert sum(told[1_000].of("ferry_changes_accepted_total").values()) == 1_000
    reasons = {labels[-1] for labels in told[1_000].of("ferry_delivery_retries_total")}
    assert reasons == {"network", "http", "other"}
    assert {labels[-1] for labels in told[1_000].of("ferry_dead_letters_total")} == {"other"}
    connections = {labels[0] for labels in told[1_000].of("ferry_changes_pending")}
    assert (len(connections), connections >= {"default", "other"}) == (51, True)
