"""Marked people, keys and tokens are delivered, and stand nowhere but where people are kept."""

from __future__ import annotations

from queues import doorbell  # before rq: it sets RQ's key prefix

# isort: split
import json
from pathlib import Path
from typing import Any

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from configuration import settings
from configuration.settings import Token
from queues import dead_letters, holds, pending
from queues.clock import now_ms
from queues.names import Queue
from scheduler import main as scheduling
from tests.support import canaries as c
from tests.support.intake import known
from tests.support.intake import running as intake_running
from tests.support.marked_hearing import silent
from tests.support.marked_messages import ANN, MPARTICLE, SLOW, SOUND, membership, profile
from tests.support.ops import ferry
from tests.support.recovery import let_time_pass, open_batches
from tests.support.world import World
from worker.audience import kind
from worker.people import batch_people

pytestmark = pytest.mark.usefixtures("marked")


def work(redis: Redis, most: int = 30) -> None:
    """Schedule with the scheduler's jobs and deliver with RQ's own worker until nothing is open, or `most` times."""
    worker = SimpleWorker([doorbell.rq_queue(redis)], connection=redis, serializer=JSONSerializer)
    scheduler: BackgroundScheduler = scheduling._ticks(redis, settings.load())
    jobs = [job for job, *_ in scheduler._pending_jobs]
    for queue in pending.all_queues(redis):
        pending.flush(redis, queue, now_ms())
    for _ in range(most):
        let_time_pass(redis)
        for job in jobs:
            job.func()
        worker.work(burst=True, logging_level="DEBUG")
        if not open_batches(redis):
            return


def delivered(world: World, redis_url: str, most: int = 30) -> None:
    """Post what is taken, and deliver it."""
    with intake_running(known(redis_url, tokens=(Token("m", c.TOKEN),), secret_keys=(c.SECRET,))) as intake:
        for path, body in SOUND + SLOW:
            assert intake.post(path, body, token=c.TOKEN).status_code in (200, 202)
    work(world.redis, most)


def test_a_delivery_repeats_nothing(
    world: World, redis_url: str, heard: c.Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.control("keys", keys=[{"key": c.API_KEY}])
    for fault in ("lost_response", "429", "500", "503_html", "reset"):
        world.fault(fault, "/api/profile-bulk-import-jobs", retry_after=0)
    delivered(world, redis_url)
    assert {c.ANN.lower(), c.BEN} <= world.members()
    letters = [x for queue in pending.all_queues(world.redis) for x in dead_letters.read(world.redis, queue)]
    assert {letter.reason for letter in letters} >= {
        "malformed",
        "no_identity",
        "email_hashed",
        "email_invalid",
        "blocked",
    }
    assert {"klaviyo", "worker", "rq", "scheduler"} <= heard.loggers
    silent(heard, world.redis)
    check_commands(world, redis_url, tmp_path)
    silent(heard, world.redis)


def check_commands(world: World, redis_url: str, var: Path) -> None:
    """Every command that lists something; only one that is asked for people shows them."""
    env = {"KLAVIYO_BASE_URL": world.klaviyo, "KLAVIYO_API_KEY": c.API_KEY, "FERRY_SECRET_KEY": c.SECRET}
    env["FERRY_TOKENS"] = f"mparticle:{c.TOKEN}"
    listed = ferry(redis_url, var, "dead", "list", "--json", **env)
    letter = json.loads(listed.stdout)[0]
    show = ("dead", "show", letter["id"], "--queue", letter["queue"])
    words = [("dead", "list"), ("status",), ("status", "--json"), ("doctor",), ("doctor", "--json"), show]
    told = [listed, *(ferry(redis_url, var, *each, **env) for each in words)]
    assert [result.output for result in told if c.marks(result.output)] == []
    assert all("VIPs" in result.output or "tokens" in result.output for result in told[1:-1])
    assert c.marks(ferry(redis_url, var, *show, "--personal-data", **env).output)


def test_a_mapping_that_fails_repeats_nothing(
    world: World, redis_url: str, heard: c.Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(person: Any, *_: Any) -> None:
        raise ValueError(f"cannot map {person!r}")

    monkeypatch.setattr(batch_people, "to_profile", broken)
    delivered(world, redis_url)
    letters = list(dead_letters.read(world.redis, Queue("mparticle-123456", "audience", "42")))
    assert "mapping_failed" in {letter.reason for letter in letters}
    assert [letter.detail for letter in letters if c.marks(repr(letter.detail))] == []
    assert any("a mapping failed (ValueError in broken" in line for line in heard.lines)
    silent(heard, world.redis)


@pytest.mark.parametrize("stage", ["upload", "confirm", "remove", "settle"])
def test_a_delivery_that_breaks_down_leaves_nothing_with_rq(
    world: World, redis_url: str, heard: c.Heard, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def broken(delivery: Any) -> None:
        cause = KeyError(delivery.batch.changes[0].body.person, delivery.to.api_key)
        raise RuntimeError(f"cannot {stage} {bytes(delivery.batch.changes[0].body.person)!r}") from cause

    monkeypatch.setattr(kind, stage, broken)
    delivered(world, redis_url, most=5)
    assert doorbell.rq_queue(world.redis).failed_job_registry.count > 0
    failed = [job.latest_result() for job in map(doorbell.rq_queue(world.redis).fetch_job, failures(world)) if job]
    assert any(result is not None and "DeliveryFailed" in (result.exc_string or "") for result in failed)
    silent(heard, world.redis)


def failures(world: World) -> list[str]:
    return list(doorbell.rq_queue(world.redis).failed_job_registry.get_job_ids())


@pytest.mark.parametrize(
    "settings", [{"apiKey": c.SPOILT_KEY}, {"alternateIdentifier": c.API_KEY}, {"defaultCountry": c.API_KEY}]
)
def test_a_setting_that_cannot_be_used_is_named_and_not_repeated(
    world: World, redis_url: str, heard: c.Heard, settings: dict[str, str], tmp_path: Path
) -> None:
    account = {"account_id": 123456, "account_settings": settings}
    with intake_running(known(redis_url, tokens=(Token("m", c.TOKEN),), secret_keys=(c.SECRET,))) as intake:
        assert intake.post(MPARTICLE, membership(profile(*ANN), account=account), token=c.TOKEN).status_code == 202
    work(world.redis, most=2)
    assert "mparticle-123456" in holds.of_connections(world.redis)
    assert heard.leaks() == []
    assert c.leaks(world.redis) == {}
    assert not c.marks(ferry(redis_url, tmp_path, "status").output)
