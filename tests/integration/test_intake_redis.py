"""What senders are told while Redis is away, full, or not as it should be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis
from redis.asyncio.connection import AbstractConnection as Connection

from queues import keys
from queues.group_commit import GroupCommit
from queues.names import Queue
from tests.support.intake import known, running
from tests.support.intake_redis import server
from tests.support.proxy import Proxy
from tests.support.waiting import apart_async, until

QUEUE = Queue("default", "audience", "42")


def changes(number: int = 1, name: str = "p") -> dict[str, Any]:
    posted = [
        {"action": "add", "email": f"{name}{n}@example.com", "attributes": {"a": "x" * 500}} for n in range(number)
    ]
    return {"audience": {"id": "42", "name": "VIPs"}, "changes": posted}


def check_not_accepted(response: requests.Response) -> None:
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.json()["error"]["title"] == "Not accepted"
    assert "nothing was accepted" in response.json()["error"]["description"]


def kept(redis: Redis) -> int:
    return redis.llen(keys.queue(QUEUE, "pending"))


@pytest.mark.parametrize("path", ["/v1/changes", "/v1/mparticle"])
def test_while_redis_is_away_nothing_is_accepted_and_afterwards_all_is(tmp_path: Path, path: str) -> None:
    audience = {"audience_id": 42, "audience_name": "VIPs", "action": "add"}
    profile = {"mpid": "1", "audiences": [audience]}
    messages: dict[str, Any] = {
        "/v1/changes": changes(),
        "/v1/mparticle": {"type": "audience_membership_change_request", "user_profiles": [profile]},
    }
    with server(tmp_path, "--appendonly", "yes") as (process, url), running(known(url)) as intake:
        assert intake.post(path, messages[path]).status_code == 202
        process.kill()
        process.wait(30)
        for _ in range(3):
            check_not_accepted(intake.post(path, messages[path]))
        with server(tmp_path, "--appendonly", "yes"), Redis.from_url(url) as redis:
            assert intake.post(path, messages[path]).status_code == 202
            assert kept(redis) == 2


@pytest.mark.parametrize("message", ["subscription", "account"])
def test_mparticle_is_told_so_wherever_redis_fails(message: str) -> None:
    posted: dict[str, Any] = {
        "type": "audience_subscription_request",
        "audience_id": 1,
        "audience_name": "VIPs",
        "account": {"account_settings": {"phoneIdentifier": "Mobile Number"} if message == "account" else {}},
    }
    with running(known("unix:///nowhere/redis.sock")) as intake:
        check_not_accepted(intake.post("/v1/mparticle", posted))


def test_a_defect_is_answered_without_a_word_of_what_was_posted(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_self: GroupCommit, acceptances: Any) -> Any:
        raise RuntimeError(repr(acceptances))

    monkeypatch.setattr(GroupCommit, "accept", broken)
    with running(known(redis_url)) as intake:
        response = intake.post("/v1/changes", changes(name="canary"))
    assert response.status_code == 500
    assert response.json()["error"]["title"] == "A defect in Ferry"
    assert "RuntimeError at " in caplog.text
    assert "canary" not in response.text + caplog.text


def test_a_redis_that_hangs_is_given_up_within_seconds(redis_url: str) -> None:
    with Proxy(redis_url) as proxy, running(known(f"redis://127.0.0.1:{proxy.port}")) as intake:
        assert intake.post("/v1/changes", changes()).status_code == 202
        proxy.delay(120.0)
        response = intake.post("/v1/changes", changes())
        check_not_accepted(response)
        assert response.elapsed.total_seconds() < 25


def test_a_full_redis_is_answered_503_and_keeps_all_it_accepted(tmp_path: Path) -> None:
    accepted = 0
    options = ("--maxmemory", "8mb", "--maxmemory-policy", "noeviction")
    with server(tmp_path, *options) as (_, url), running(known(url)) as intake, Redis.from_url(url) as redis:
        for n in range(300):
            response = intake.post("/v1/changes", changes(100, f"{n}-"))
            if response.status_code != 202:
                check_not_accepted(response)
                break
            accepted += response.json()["accepted"]
        assert response.status_code == 503
        assert kept(redis) == accepted > 0
        redis.delete(keys.queue(QUEUE, "pending"))
        until(  # the server frees memory behind the scenes
            lambda: intake.post("/v1/changes", changes()).status_code == 202, "it goes on when there is room again"
        )


def test_requests_that_come_together_share_round_trips(
    redis_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    send = Connection.send_packed_command

    async def slowly(self: Connection, *args: Any, **options: Any) -> None:
        sent.append(1)
        await apart_async(0.3)
        await send(self, *args, **options)

    with running(known(redis_url)) as intake:
        assert intake.post("/v1/changes", changes(name="first")).status_code == 202
        monkeypatch.setattr(Connection, "send_packed_command", slowly)
        with ThreadPoolExecutor(40) as senders:
            answers = list(senders.map(lambda n: intake.post("/v1/changes", changes(name=f"{n}-")), range(40)))
        monkeypatch.undo()
    assert [answer.status_code for answer in answers] == [202] * 40
    assert kept(redis) == 41
    assert len(sent) < 30, "one by one it would be forty"
