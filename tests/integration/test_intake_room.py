"""The intake takes no more than there is room for, and what it took goes out all the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from configuration import settings
from configuration.connections import Connections
from emulator.server import running as emulator
from queues import doorbell, keys, pending
from queues.census import take_census
from queues.clock import now_ms
from queues.names import Queue
from tests.support.intake import Intake, known, running
from tests.support.intake_redis import server
from tests.support.recovery import drive
from tests.support.waiting import until
from tests.support.world import world_of
from worker.deliver import deliver

PATH = "/v1/changes"
MINE, OTHER = (Queue("default", "audience", target) for target in ("42", "43"))


def changes(number: int, name: str = "p", audience: str = "42") -> dict[str, Any]:
    posted = [{"action": "add", "email": f"{name}{n}@example.com"} for n in range(number)]
    return {"audience": {"id": audience, "name": f"List {audience}"}, "changes": posted}


def membership(name: str, *audiences: str) -> dict[str, Any]:
    """mParticle's message about one person and these audiences."""
    identity = {"type": "email", "encoding": "raw", "value": f"{name}@example.com"}
    joined = [{"audience_id": int(number), "audience_name": "VIPs", "action": "add"} for number in audiences]
    profile = {"mpid": "1", "user_identities": [identity], "audiences": joined}
    return {"type": "audience_membership_change_request", "id": f"id-{name}", "user_profiles": [profile]}


def check_refused(response: requests.Response, word: str) -> None:
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    error = response.json()["error"]
    assert error["title"] == "Not accepted"
    assert word in error["description"]
    assert "nothing was accepted" in error["description"]


def waiting(redis: Redis, queue: Queue = MINE) -> int:
    return redis.llen(keys.queue(queue, "pending"))


def test_a_queue_takes_as_many_changes_as_may_wait_and_not_one_more(redis: Redis, redis_url: str) -> None:
    with running(known(redis_url, max_pending_per_queue=5)) as intake:
        assert intake.post(PATH, changes(3, "a")).status_code == 202
        check_refused(intake.post(PATH, changes(3, "b")), "default/audience/42")
        assert intake.post(PATH, changes(2, "c")).status_code == 202
        check_refused(intake.post(PATH, changes(1, "d")), "default/audience/42")
        assert intake.post(PATH, changes(5, "e", "43")).status_code == 202, "other queues have room"
        assert (waiting(redis), waiting(redis, OTHER)) == (5, 5)
        redis.ltrim(keys.queue(MINE, "pending"), 1, -1)
        assert intake.post(PATH, changes(1, "d")).status_code == 202


def test_an_empty_queue_takes_a_message_that_is_larger_than_the_limit(redis: Redis, redis_url: str) -> None:
    with running(known(redis_url, max_pending_per_queue=5)) as intake:
        assert intake.post(PATH, changes(8)).status_code == 202
        check_refused(intake.post(PATH, changes(1, "b")), "default/audience/42")
    assert waiting(redis) == 8


def test_requests_at_the_same_time_do_not_exceed_the_limit(redis: Redis, redis_url: str) -> None:
    settings_ = known(redis_url, max_pending_per_queue=7)
    with running(settings_) as one, running(settings_) as two, ThreadPoolExecutor(20) as senders:
        posted = [(intake, f"{n}-") for n in range(20) for intake in (one, two)]
        answers = list(senders.map(lambda pair: pair[0].post(PATH, changes(1, pair[1])).status_code, posted))
    assert sorted(set(answers)) == [202, 503]
    assert answers.count(202) == waiting(redis) == 7


def test_a_message_that_was_accepted_is_recognised_when_its_queue_is_full(redis: Redis, redis_url: str) -> None:
    with running(known(redis_url, max_pending_per_queue=1)) as intake:
        assert intake.post("/v1/mparticle", membership("a", "42")).status_code == 202
        assert intake.post("/v1/mparticle", membership("a", "42")).status_code == 202
        check_refused(intake.post("/v1/mparticle", membership("b", "42")), "default/audience/42")
    assert waiting(redis) == 1


def test_a_message_for_a_full_queue_and_another_is_completed_by_its_repetition(redis: Redis, redis_url: str) -> None:
    with running(known(redis_url, max_pending_per_queue=1)) as intake:
        assert intake.post("/v1/mparticle", membership("a", "42")).status_code == 202
        check_refused(intake.post("/v1/mparticle", membership("b", "42", "43")), "default/audience/42")
        redis.delete(keys.queue(MINE, "pending"))
        assert intake.post("/v1/mparticle", membership("b", "42", "43")).status_code == 202
        assert (waiting(redis), waiting(redis, OTHER)) == (1, 1)


def test_all_queues_together_hold_as_many_as_may_wait(redis: Redis, redis_url: str) -> None:
    audiences = ("42", "75", "43")
    queues = [Queue("default", "audience", audience) for audience in audiences]
    assert queues[0].partition == queues[1].partition != queues[2].partition
    with running(known(redis_url, max_pending=6)) as intake:
        for audience in audiences:
            assert intake.post(PATH, changes(2, audience=audience)).status_code == 202
        until(lambda: intake.post(PATH, changes(0)).status_code == 503)
        for path, message in ((PATH, changes(1, "y")), ("/v1/mparticle", membership("y", "45"))):
            check_refused(intake.post(path, message), "6 changes are pending, which is the limit")
        assert intake.get("/healthz").status_code == 200
        pending.flush(redis, queues[0], now_ms())
        (seen,) = pending.look(redis, queues[:1])
        assert pending.take(redis, seen, "operator", 2, now_ms())
        until(lambda: intake.post(PATH, changes(1, "z")).status_code == 202)


def push(intake: Intake, part: str, refusals: int) -> set[str]:
    """Post until so many messages were refused; the addresses of those that were accepted."""
    accepted: set[str] = set()
    refused = 0
    for number in range(2_000):
        name = f"{part}-{number}-"
        response = intake.post(PATH, fat(changes(100, name, str(42 + number % 3))))
        if response.status_code == 202:
            accepted |= {f"{name}{n}@example.com" for n in range(100)}
            continue
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        refused += 1
        if refused == refusals:
            return accepted
    raise AssertionError("the memory is not full yet")


def fat(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "changes": [{**each, "attributes": {"note": "x" * 1_500}} for each in message["changes"]]}


def drain(redis: Redis, connections: Connections) -> None:
    """Schedule, and deliver what is rung for, until nothing waits and nothing is open."""

    def deliver_as_rung(batch_id: str) -> bool:
        doorbell.rq_queue(redis).empty()  # type: ignore[no-untyped-call]  # as in rq
        deliver(batch_id)
        return True

    while any(look.waiting.pending for look in pending.look(redis, pending.all_queues(redis))):
        for queue in pending.all_queues(redis):
            pending.flush(redis, queue, now_ms())
        drive(redis, connections, deliver_as_rung)


def test_what_a_redis_took_until_it_was_full_is_delivered_and_it_takes_more_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERRY_FLUSH_SIZE", "500")
    options = ("--maxmemory", "12mb", "--maxmemory-policy", "noeviction")
    with (
        server(tmp_path, *options) as (process, url),
        Redis.from_url(url) as redis,
        emulator(job_seconds=0, limits_off=True) as klaviyo,
        world_of(redis, url, klaviyo, monkeypatch) as world,
        running(replace(known(url), connections=settings.load().connections)) as intake,
    ):
        delivered: set[str] = set()
        for part in ("first", "second"):
            accepted = push(intake, part, refusals=20)
            assert len(accepted) > 1_000
            drain(redis, settings.load().connections)
            delivered |= accepted
            assert set().union(*(world.members(f"List {n}") for n in (42, 43, 44))) == delivered
            census = take_census(redis)
            assert sum(count.delivered for count in census.queues) == sum(count.accepted for count in census.queues)
            until(lambda: intake.post(PATH, changes(0)).status_code == 202)
        assert process.poll() is None
        assert intake.get("/healthz").status_code == 200
