"""Marked people, keys and tokens go through everything that Ferry does, well and badly, and are looked for afterwards.

They stand where people are kept: among the changes that wait, are under way or died. They stand nowhere else: in no log
line, HTTP error, key's name, RQ job, exception, or command's output.
"""

from __future__ import annotations

from queues import doorbell  # before rq: it sets RQ's key prefix

# isort: split
import json
import logging
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from apscheduler.schedulers.background import BackgroundScheduler
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

import settings
from emulator.server import running
from intake import mparticle_membership
from klaviyo.errors import NotAccepted
from queues import accounts, dead_letters, holds, keys, pending
from queues.clock import now_ms
from queues.names import Queue
from scheduler import main as scheduling
from settings import Token
from tests.support import canaries as c
from tests.support.group import Group
from tests.support.intake import Intake, known
from tests.support.intake import running as intake_running
from tests.support.intake_redis import server
from tests.support.marked_messages import (
    ANN,
    CHANGES,
    MPARTICLE,
    SEGMENT,
    SLOW,
    SOUND,
    UNSOUND,
    membership,
    profile,
)
from tests.support.ops import ferry, ferry_process
from tests.support.recovery import let_time_pass, open_batches
from tests.support.sessions import members
from tests.support.talkative import Talkative, talkative
from tests.support.world import QUEUE, World, world_of
from worker import audience, people, refusals
from worker.process import settings_of_process


@pytest.fixture
def heard() -> Iterator[c.Heard]:
    """Everything logged in this process, by loggers as talkative as they can be; Ferry itself mutes urllib3's."""
    heard = c.Heard()
    known_loggers = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    levels = {each: each.level for each in (logging.root, *known_loggers) if not each.name.startswith("urllib3")}
    for logger in levels:
        logger.setLevel(logging.DEBUG)
    logging.root.addHandler(heard)
    yield heard
    logging.root.removeHandler(heard)
    for logger, level in levels.items():
        logger.setLevel(level)


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with running(job_seconds=0, limits_off=True) as url:
        yield url


@pytest.fixture
def world(redis: Redis, redis_url: str, emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_of(redis, redis_url, emulator, monkeypatch) as made:
        monkeypatch.setenv("KLAVIYO_API_KEY", c.API_KEY)
        monkeypatch.setenv("FERRY_SECRET_KEY", c.SECRET)
        monkeypatch.setenv("FERRY_TOKENS", f"mparticle:{c.TOKEN}")
        settings_of_process.cache_clear()
        yield made


def post_all(intake: Intake) -> list[requests.Response]:
    """Everything above, and a few requests that fail for what stands around the body."""
    answers = [intake.post(path, body, token=c.TOKEN, Idempotency_Key=c.ANN) for path, body in SOUND]
    assert {answer.status_code for answer in answers} <= {200, 202}
    refused = [intake.post(path, body, token=c.TOKEN) for path, body in UNSOUND]
    refused.append(intake.post(CHANGES, {"email": c.ANN}, token=c.WRONG_TOKEN))
    refused.append(intake.post(MPARTICLE, {"email": c.ANN}, token=""))
    refused.append(intake.post(SEGMENT, {"email": c.ANN}, token="", X_Signature=c.ANN))
    refused.append(intake.post(CHANGES, c.ANN, token=c.TOKEN, Content_Encoding=c.MARK))
    refused.append(intake.post(CHANGES, c.ANN, token=c.TOKEN, Content_Encoding="gzip"))
    refused.append(intake.post(CHANGES, c.ANN, token=c.TOKEN, Idempotency_Key=c.ANN * 20))
    refused.append(intake.get(f"{CHANGES}?email={c.ANN}", token=c.TOKEN))
    assert {answer.status_code for answer in refused} == {400, 401, 404, 405, 415}
    return answers + refused


def said(answers: list[requests.Response]) -> list[str]:
    """The answers in which a mark stands, their headers included."""
    return [text for text in (f"{each.headers} {each.text}" for each in answers) if c.marks(text)]


def work(redis: Redis, most: int = 30) -> None:
    """Schedule with the scheduler's own job and deliver with RQ's own worker until nothing is open, or `most` times."""
    worker = SimpleWorker([doorbell.rq_queue(redis)], connection=redis, serializer=JSONSerializer)
    scheduler: BackgroundScheduler = scheduling._ticks(redis, settings.load().connections)
    ((job, *_),) = scheduler._pending_jobs
    for queue in pending.all_queues(redis):
        pending.flush(redis, queue, now_ms())
    for _ in range(most):
        let_time_pass(redis)
        job.func()
        worker.work(burst=True, logging_level="DEBUG")
        if not open_batches(redis):
            return


def silent(heard: c.Heard, redis: Redis) -> None:
    assert heard.leaks() == []
    assert c.leaks(redis) == {}
    heard.lines.clear()


@pytest.mark.parametrize("form", c.packed(), ids=lambda form: form[:8].hex())
def test_a_mark_is_found_in_every_form(form: bytes) -> None:
    assert c.marks(form)


def test_a_mark_is_found_wherever_it_should_not_be(redis: Redis, heard: c.Heard) -> None:
    redis.hset("some hash", "field", c.ANN)
    redis.set(f"ferry:{{p07}}:seen:{c.ANN}", 1)
    redis.rpush(keys.queue(QUEUE, "pending"), c.ANN)
    assert set(c.leaks(redis)) == {"some hash", f"ferry:{{p07}}:seen:{c.ANN}"}
    logging.getLogger("rq.worker").debug("line", extra={"arguments": [c.ANN]})
    logging.getLogger("apscheduler").exception("line", exc_info=ValueError(c.E164))
    assert len(heard.leaks()) == 2


def test_nothing_that_is_posted_is_repeated(world: World, redis_url: str, heard: c.Heard) -> None:
    tokens = (Token("mparticle", c.TOKEN),)
    secrets = (Token("segment", c.SECRET),)
    with intake_running(known(redis_url, tokens=tokens, secret_keys=(c.SECRET,), segment_secrets=secrets)) as intake:
        answers = post_all(intake)
        answers += [intake.post(path, body, token=c.TOKEN) for path, body in SLOW]
    assert said(answers) == []
    assert pending.all_queues(world.redis) != []
    assert accounts.recall(world.redis, "mparticle-123456", accounts.Cipher([c.SECRET])) is not None
    assert {"intake", "uvicorn"} <= heard.loggers
    silent(heard, world.redis)


def test_a_defect_of_the_intake_repeats_nothing(
    world: World, redis_url: str, heard: c.Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(message: Any, *_: Any) -> None:
        raise ValueError(f"cannot read {bytes(message.user_profiles[0])!r}")

    monkeypatch.setattr(mparticle_membership, "acceptances", broken)
    with intake_running(known(redis_url, tokens=(Token("m", c.TOKEN),), secret_keys=(c.SECRET,))) as intake:
        answer = intake.post(*SOUND[0], token=c.TOKEN)
    assert answer.status_code == 500
    assert said([answer]) == []
    assert any("a defect in Ferry, ValueError at" in line for line in heard.lines)
    silent(heard, world.redis)


def test_an_intake_without_redis_repeats_nothing(tmp_path: Path, heard: c.Heard) -> None:
    tokens = (Token("m", c.TOKEN),)
    with server(tmp_path) as (process, url), Redis.from_url(url) as redis:
        with intake_running(known(url, tokens=tokens, secret_keys=(c.SECRET,))) as intake:
            redis.config_set("maxmemory", "1")
            answers = [intake.post(path, body, token=c.TOKEN) for path, body in SOUND]
            process.kill()
            answers += [intake.post(path, body, token=c.TOKEN) for path, body in SOUND]
        with intake_running(known(url, tokens=tokens)) as intake:
            answers.append(intake.post(*SOUND[0], token=c.TOKEN))
    assert {answer.status_code for answer in answers} >= {503}
    assert said(answers) == []
    assert heard.leaks() == []


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
    assert {c.ANN, c.BEN} <= world.members()
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

    monkeypatch.setattr(people, "to_profile", broken)
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

    monkeypatch.setattr(audience, stage, broken)
    delivered(world, redis_url, most=5)
    assert doorbell.rq_queue(world.redis).failed_job_registry.count > 0
    failed = [job.latest_result() for job in map(doorbell.rq_queue(world.redis).fetch_job, failures(world)) if job]
    assert any(result is not None and "DeliveryFailed" in (result.exc_string or "") for result in failed)
    silent(heard, world.redis)


def failures(world: World) -> list[str]:
    return list(doorbell.rq_queue(world.redis).failed_job_registry.get_job_ids())


@pytest.fixture
def gossip(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Talkative]:
    """A Klaviyo that repeats everything it is sent, instead of the emulator."""
    with talkative() as klaviyo:
        monkeypatch.setenv("KLAVIYO_BASE_URL", klaviyo.url)
        settings_of_process.cache_clear()
        yield klaviyo


#: Fields of Talkative.
REFUSALS: list[dict[str, Any]] = [
    *({"status": status} for status in (301, 400, 401, 403, 404, 408, 409, 410, 413, 414, 422, 429, 500, 503)),
    *({"status": status, "reads": False} for status in (301, 400, 401, 404, 413, 429)),
    *({"status": status, "cut": True} for status in (400, 403, 429)),
    *({"status": status, "html": True} for status in (400, 403, 503)),
    {"status": 400, "pointer": "/data/attributes/profiles/data/0/attributes/email"},
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_what_klaviyo_says_is_kept_with_dead_letters_and_repeated_nowhere(
    world: World,
    gossip: Talkative,
    heard: c.Heard,
    monkeypatch: pytest.MonkeyPatch,
    refusal: dict[str, Any],
) -> None:
    raised: list[NotAccepted] = []
    handle = refusals.handle

    def handled(delivery: Any, fault: NotAccepted) -> None:
        raised.append(fault)
        handle(delivery, fault)

    monkeypatch.setattr(refusals, "handle", handled)
    for name, value in refusal.items():
        setattr(gossip, name, value)
    world.settings = {"listId": "LIST42"}
    world.change("add", c.ANN)
    ring_often(world)
    world.change("remove", c.BEN, {"phone": c.E164}, {"external_id": c.EXTERNAL_ID})
    ring_often(world)
    assert any(c.marks(each) for each in gossip.refused), "or nothing was repeated at all"
    assert [each for each in raised if c.marks(f"{each} {each!r} {each.outcome!r}")] == []
    letters = list(dead_letters.read(world.redis, QUEUE))
    if gossip.status == 400 and gossip.reads and not (gossip.cut or gossip.html):
        assert any(c.marks(repr(letter.detail)) for letter in letters), "where it belongs"
    assert not c.marks(repr([*holds.of_connections(world.redis).values(), holds.of_queue(world.redis, QUEUE)]))
    silent(heard, world.redis)


def ring_often(world: World) -> None:
    """Take what waits and ring for it a few times; whatever held it is released."""
    holds.release(world.redis, QUEUE)
    holds.release(world.redis, QUEUE.connection)
    batch_id = world.take()
    for _ in range(3):
        let_time_pass(world.redis)
        world.ring(batch_id)


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


def until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


#: Of the ledger itself; a sender never learns it, and no log either.
PASSWORD = f"{c.MARK}-password"


def test_real_processes_write_nothing_of_it_whatever_happens_to_them(tmp_path: Path) -> None:
    names = ("web", "scheduler", "worker")
    with running(job_seconds=0.2, limits_off=True) as klaviyo, server(tmp_path) as (process, url):
        redis = Redis.from_url(url)
        redis.config_set("requirepass", PASSWORD)
        url += f"?password={PASSWORD}"
        environment = {
            "REDIS_URL": url,
            "KLAVIYO_BASE_URL": klaviyo,
            "KLAVIYO_API_KEY": c.API_KEY,
            "FERRY_TOKENS": f"mparticle:{c.TOKEN}",
            "FERRY_SECRET_KEY": c.SECRET,
            "FERRY_FLUSH_SIZE": "1",
            "FERRY_LOG_LEVEL": "DEBUG",
            "FERRY_VAR": str(tmp_path),
            "PYTHONDEVMODE": "1",
        }
        with Group(environment, tmp_path, *names) as group:
            intake = Intake(group.port)
            order = {"fault": "stall", "seconds": 2, "match": {"path": "/api/profile-bulk-import-jobs"}}
            requests.post(f"{klaviyo}/_emulator/faults", json=order, timeout=30).raise_for_status()
            answers = post_all(intake)
            until(lambda: len(members(group.pid("worker"))) > 1)
            group.send_all("worker", signal.SIGTERM)
            until(lambda: not group.runs("worker"))
            group.revive()
            until(lambda: settled(redis))
            assert c.leaks(redis) == {}
            told = ferry_process(url, tmp_path, "dead", "list", **environment)
            process.kill()
            process.wait(30)
            answers += [intake.post(path, body, token=c.TOKEN) for path, body in SOUND]
            time.sleep(1)
            group.terminate_all()
            written = {name: group.log(name) for name in names}
        redis.close()
    assert said(answers) == []
    assert not c.marks(told.stdout + told.stderr)
    assert [line for log in written.values() for line in log.splitlines() if c.marks(line)] == []
    assert all(len(log.splitlines()) > 2 for log in written.values())
    assert "get_lists: 200" in written["worker"], "Klaviyo's client speaks at this level"


def settled(redis: Redis) -> bool:
    queues = pending.all_queues(redis)
    counts = [redis.hmget(keys.queue(queue), "open", "delivered") for queue in queues]
    waiting = sum(redis.llen(keys.queue(queue, "pending")) for queue in queues)
    return not waiting and all(opened in (b"0", None) for opened, _ in counts) and any(done for _, done in counts)
