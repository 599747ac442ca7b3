"""FERRY_DURABLE: a sender is answered 202 only once Redis has confirmed it, and 503 otherwise, within bounded time."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from intake import background
from queues import keys
from queues.acceptance import ITEMS, Acceptance
from queues.clock import now_ms
from queues.errors import Unconfirmed
from queues.group_commit import GroupCommit
from queues.policy import FlushPolicy
from queues.server import connection
from queues.server.connection import Durability
from tests.support.intake import Intake, known, running
from tests.support.ledger import QUEUE, change
from tests.support.ops import ferry, ferry_process
from tests.support.valkey import binaries, start_server
from tests.support.waiting import until
from tests.support.web import free_port

FSYNC, ONE = Durability(fsync=True), Durability(replicas=1)
SYNCED = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The intake looks at its server several times a second."""
    monkeypatch.setattr(background, "DURABLE_EVERY", 0.2)


@pytest.fixture
def unconfirmed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What is called when nothing more will be confirmed: it is waited for shortly then."""
    return partial(monkeypatch.setattr, connection, "WAIT_MS", 200)


@contextmanager
def server(folder: Path, *options: str, name: str = "a", **more: Any) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    home = folder / name
    home.mkdir()
    process, url = start_server(home, *options, **more)
    try:
        yield process, url
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(30)


@contextmanager
def replicated(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], str]]:
    """URL of a primary; its replica, and the URL of that."""
    port = free_port()
    home = folder / "p"
    home.mkdir()
    primary, url = start_server(home, "--port", str(port))
    try:
        with server(folder, "--replicaof", "127.0.0.1", str(port), name="r") as (replica, replica_url):
            with Redis.from_url(url) as redis:
                until(lambda: redis.info("replication").get("slave0", {}).get("state") == "online", "the replica")
            yield url, replica, replica_url
    finally:
        primary.kill()
        primary.wait(30)


def body(*people: str) -> dict[str, Any]:
    return {"audience": {"id": "42"}, "changes": [{"action": "add", "email": f"{name}@example.com"} for name in people]}


def post(intake: Intake, *people: str, message: str = "") -> int:
    headers = {"Idempotency_Key": message} if message else {}
    answer = intake.post("/v1/changes", body(*people), **headers)
    if answer.status_code == 503:
        assert answer.headers["Retry-After"] == "5"
        assert " confirm" in answer.json()["error"]["description"], answer.text
    return answer.status_code


def stored(url: str) -> int:
    with Redis.from_url(url) as redis:
        return int(redis.llen(keys.queue(QUEUE, "pending")))


def test_what_the_disk_has_is_answered_202(folder: Path) -> None:
    with server(folder, *SYNCED) as (_, url), running(known(url, durable=FSYNC)) as intake:
        assert post(intake, "a") == 202
        with Redis.from_url(url) as redis:
            assert redis.info("commandstats")["cmdstat_waitaof"]["calls"] >= 1


@pytest.mark.parametrize(("name", "value"), [("appendonly", "no"), ("appendfsync", "no")])
def test_a_server_that_stops_to_sync_is_answered_503_from_the_next_message_on(
    folder: Path, name: str, value: str
) -> None:
    with (
        server(folder, *SYNCED) as (_, url),
        running(known(url, durable=FSYNC)) as intake,
        Redis.from_url(url) as redis,
    ):
        assert post(intake, "a") == 202
        redis.config_set(name, value)
        assert post(intake, "b") == 503
        redis.config_set(name, {"appendonly": "yes", "appendfsync": "always"}[name])
        until(lambda: post(intake, "c") == 202, "it is taken again")


def test_a_server_that_confirms_too_early_is_noticed_while_the_intake_runs(folder: Path) -> None:
    """Valkey confirms with everysec what is not synced yet; after a failover a server may be another one."""
    with (
        server(folder, *SYNCED) as (_, url),
        running(known(url, durable=FSYNC)) as intake,
        Redis.from_url(url) as redis,
    ):
        redis.config_set("appendfsync", "everysec")
        until(lambda: post(intake, "a") == 503, "the look")
        ready = {check["name"]: check for check in intake.get("/readyz").json()["checks"]}
        assert ready["durable"]["ok"] is False
        assert "everysec" in ready["durable"]["detail"]


def test_a_replica_that_hangs_costs_a_503_and_the_repeated_message_is_stored_once(
    folder: Path, unconfirmed: Callable[[], None]
) -> None:
    with replicated(folder) as (url, replica, replica_url), running(known(url, durable=ONE)) as intake:
        assert post(intake, "a", message="1") == 202
        assert stored(replica_url) == 1, "the replica had it before the answer"
        replica.send_signal(signal.SIGSTOP)
        unconfirmed()
        assert post(intake, "b", message="2") == 503
        assert post(intake, "b", message="2") == 503, "seen before, and still not confirmed"
        replica.send_signal(signal.SIGCONT)
        until(lambda: post(intake, "b", message="2") == 202, "the replica goes on")
        assert stored(url) == stored(replica_url) == 2


def test_too_few_replicas_are_answered_503_by_the_answer_of_wait(folder: Path, unconfirmed: Callable[[], None]) -> None:
    unconfirmed()
    with replicated(folder) as (url, _, _), running(known(url, durable=Durability(replicas=2))) as intake:
        assert post(intake, "a") == 503
        ready = {check["name"]: check for check in intake.get("/readyz").json()["checks"]}
        assert (ready["durable"]["ok"], ready["durable"]["detail"]) == (
            False,
            "FERRY_DURABLE=replicas:2: 1 of 2 replicas are connected, so every message is answered 503",
        )


def test_a_message_that_only_brings_consents_waits_as_well(folder: Path, unconfirmed: Callable[[], None]) -> None:
    event = {"type": "event_processing_request", "id": "1", "user_identities": [], "events": []}
    with replicated(folder) as (url, replica, _), running(known(url, durable=ONE)) as intake:
        assert intake.post("/v1/mparticle", event).status_code == 200
        replica.send_signal(signal.SIGSTOP)
        unconfirmed()
        assert intake.post("/v1/mparticle", event).status_code == 503


@pytest.mark.parametrize("hangs", [True, False], ids=["no confirmation", "no append-only file"])
def test_a_snapshot_is_answered_503_and_may_be_sent_again(
    folder: Path, hangs: bool, unconfirmed: Callable[[], None]
) -> None:
    rows = "".join(f'{{"email": "p{n}@example.com"}}\n' for n in range(3))
    put = partial(Intake.put, path="/v1/audiences/42/members", body=rows, Content_Type="application/x-ndjson")
    with replicated(folder) as (url, replica, _), Redis.from_url(url) as redis:
        redis.config_set("appendonly", "yes")
        redis.config_set("appendfsync", "always")
        with running(known(url, durable=ONE if hangs else FSYNC)) as intake:
            assert put(intake).status_code == 202
            if hangs:
                replica.send_signal(signal.SIGSTOP)
                unconfirmed()
            else:
                redis.config_set("appendonly", "no")
                until(lambda: post(intake, "a") == 503 and "cannot confirm" in description(intake), "the look")
            assert put(intake).status_code == 503
            replica.send_signal(signal.SIGCONT)
            redis.config_set("appendonly", "yes")
            until(lambda: put(intake).status_code == 202, "it is taken")


def description(intake: Intake) -> str:
    return str(intake.post("/v1/changes", body("a")).json().get("error", {}).get("description", ""))


def acceptance(number: int) -> Acceptance:
    return Acceptance(QUEUE, FlushPolicy(), f"m{number}", [change(f"p{number}@x.io")])


def test_one_group_commit_asks_once_and_also_where_the_script_is_missing(folder: Path) -> None:
    async def run(url: str) -> None:
        async with AsyncRedis.from_url(url) as client:
            commit = GroupCommit(client, durability=FSYNC)
            await asyncio.gather(*(commit.accept([acceptance(number)]) for number in range(50)))
            before = (await client.info("commandstats"))["cmdstat_waitaof"]["calls"]
            await asyncio.gather(*(commit.accept([acceptance(number)]) for number in range(100, 150)))
            assert (await client.info("commandstats"))["cmdstat_waitaof"]["calls"] == before + 1

    with server(folder, *SYNCED) as (_, url):
        asyncio.run(run(url))
        assert stored(url) == 100


def test_a_repeated_message_waits_for_its_first_copy_that_came_by_another_connection(
    folder: Path, unconfirmed: Callable[[], None]
) -> None:
    """The first was written and not confirmed. The second writes nothing, and its connection never did before."""

    async def run(url: str, replica: subprocess.Popen[bytes]) -> None:
        async with AsyncRedis.from_url(url) as one, AsyncRedis.from_url(url) as two:
            first, second = (GroupCommit(client, durability=ONE) for client in (one, two))
            replica.send_signal(signal.SIGSTOP)
            unconfirmed()
            for commit in (first, second):
                with pytest.raises(Unconfirmed):
                    await commit.accept([acceptance(1)])

    with replicated(folder) as (url, replica, _):
        asyncio.run(run(url, replica))
        assert stored(url) == 1


def test_of_a_queue_nothing_is_written_behind_a_part_that_was_not_confirmed(
    folder: Path, unconfirmed: Callable[[], None]
) -> None:
    unconfirmed()
    parts = [Acceptance(QUEUE, FlushPolicy(), f"m{n}", [change(f"{n}-{k}@x.io") for k in range(800)]) for n in range(3)]

    async def run(url: str) -> None:
        async with AsyncRedis.from_url(url) as client:
            with pytest.raises(Unconfirmed):
                await GroupCommit(client, durability=ONE).accept(parts)

    with server(folder) as (_, url):
        asyncio.run(run(url))
        assert stored(url) == ITEMS, "a script carries so many changes"


@pytest.mark.parametrize("binary", ["redis-6.2", "own"])
def test_a_server_without_waitaof_is_refused_at_start(folder: Path, binary: str) -> None:
    with server(folder, *SYNCED, binary=binaries()[binary]) as (_, url):
        refused(url, folder, "fsync", "has no WAITAOF")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "keeps no append-only file"),
        (("--save", "3600 1"), "keeps no append-only file"),
        (("--appendonly", "yes", "--appendfsync", "everysec"), "with appendfsync everysec"),
        (("--appendonly", "yes", "--appendfsync", "no"), "with appendfsync no"),
        ((*SYNCED, "--rename-command", "CONFIG", ""), "with appendfsync unknown"),
    ],
)
def test_a_server_that_cannot_confirm_is_refused_at_start(folder: Path, options: tuple[str, ...], why: str) -> None:
    with server(folder, *options) as (_, url):
        refused(url, folder, "fsync", why)
        told = ferry(url, folder, "doctor", FERRY_DURABLE="fsync")
        assert why.split()[-1] in told.output


def refused(url: str, var: Path, durable: str, why: str) -> None:
    told = ferry_process(url, var, "web", "--host", "127.0.0.1", "--port", str(free_port()), FERRY_DURABLE=durable)
    assert told.returncode == 2, told.stderr
    assert f"FERRY_DURABLE={durable}: " in told.stderr
    assert why in told.stderr
    assert "To fix it, " in told.stderr


def test_a_wrong_setting_is_refused_with_an_example(redis_url: str, tmp_path: Path) -> None:
    told = ferry_process(redis_url, tmp_path, "web", FERRY_DURABLE="replicas")
    assert told.returncode == 2
    assert "FERRY_DURABLE: use local, fsync, or replicas:N" in told.stderr


def test_a_redis_that_is_away_at_start_is_looked_at_later(folder: Path) -> None:
    url = f"unix://{folder}/a/redis.sock"
    with running(known(url, durable=FSYNC)) as intake:
        assert intake.post("/v1/changes", body("a")).status_code == 503
        with server(folder, *SYNCED), Redis.from_url(url) as redis:
            redis.set(keys.HEARTBEAT, now_ms())
            until(lambda: intake.post("/v1/changes", body("a")).status_code == 202, "it is taken")
            assert intake.get("/readyz").status_code == 200


def test_release_check_stops_what_cannot_confirm(folder: Path, klaviyo: str) -> None:
    with server(folder, "--appendonly", "yes") as (_, url):
        told = ferry(url, folder, "release-check", KLAVIYO_BASE_URL=klaviyo, FERRY_DURABLE="replicas:1")
        assert (told.exit_code, "0 of 1 replicas" in told.output) == (1, True), told.output
        local = ferry(url, folder, "release-check", KLAVIYO_BASE_URL=klaviyo)
        assert local.exit_code == 0, local.output
