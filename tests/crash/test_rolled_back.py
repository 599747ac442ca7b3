"""Redis comes back with older data while Ferry's processes run on: everybody says so until somebody acknowledges it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from configuration.alerts import Alerting
from queues import doorbell, keys
from queues.census import take_census
from queues.clock import now_ms
from queues.server import rollback
from tests.support.alerts import judged, receiving
from tests.support.group import Group
from tests.support.klaviyo import Account
from tests.support.model import list_name, message
from tests.support.ops import ferry
from tests.support.proxied_system import environment
from tests.support.restored import Restored, restored
from tests.support.sentinels import Sentinels
from tests.support.waiting import until
from tests.support.web import Sender

SAID = "the ledger went back in time"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    """A server whose data can be put aside and put back."""
    with restored(tmp_path_factory.mktemp("r") / "d") as found:
        yield found


def contents(group: Group) -> dict[str, Any]:
    checks = requests.get(f"http://127.0.0.1:{group.port}/readyz", timeout=30).json()["checks"]
    found: dict[str, Any] = next((check for check in checks if check["name"] == "contents"), {"ok": None})
    return found


@pytest.mark.parametrize("process", ["web", "scheduler", "worker"])
def test_every_process_that_outlived_it_says_so_and_a_mere_restart_is_none(
    server: Restored, klaviyo: Account, tmp_path: Path, process: str
) -> None:
    """The others start afterwards, so that nobody but this one can know."""
    klaviyo.control("reset")
    with Group(environment(server.url, klaviyo.url), tmp_path, "web", "scheduler", "worker") as group:
        sender = Sender(group.port)
        sender.post_until_accepted(message("42", "add", range(5)))
        until(lambda: len(klaviyo.members(list_name("42"))) == 5, "the first are delivered")
        with Redis.from_url(server.url) as redis:
            until(lambda: take_census(redis).queues[0].delivered == 5, "the first batch is settled")
        server.kill()
        server.start()
        server.save()
        group.revive()
        sender.post_until_accepted(message("42", "add", range(5, 8)))
        for name in {"web", "scheduler", "worker"} - {process}:
            group.kill(name)
        known_to(process, server)
        assert SAID not in group.log(process), "a server that lost nothing went nowhere"
        server.restore()
        if process == "worker":
            assert group.runs("worker"), "the worker ended, so that it cannot know"
            rung(server)
        until(lambda: SAID in group.log(process), f"{process} notices it")
    with Redis.from_url(server.url) as redis:
        fall = rollback.unacknowledged(redis)
        assert fall is not None
        assert fall.missing >= 1
        assert 0 < fall.as_of <= fall.until


def rung(server: Restored) -> None:
    """Let the worker look at once: an idle one looks every 45 seconds. The batch does not exist."""
    with Redis.from_url(server.url) as redis:
        doorbell.ring(redis, ["00-nothing"], now_ms())


def known_to(process: str, server: Restored) -> None:
    """Return when the process has looked since the last step."""
    with Redis.from_url(server.url) as redis:

        def looks() -> int:
            return int(redis.info("commandstats").get("cmdstat_get", {}).get("calls", 0))

        before = looks()
        if process == "worker":
            rung(server)
        until(lambda: looks() >= before + 16, f"{process} looks")


def test_the_alert_readiness_the_page_and_status_say_it_until_it_is_acknowledged(
    server: Restored, klaviyo: Account, tmp_path: Path
) -> None:
    klaviyo.control("reset")
    with Group(environment(server.url, klaviyo.url), tmp_path, "web", "scheduler") as group:
        sender = Sender(group.port)
        sender.post_until_accepted(message("42", "add", range(2)))
        until(lambda: contents(group)["ok"] is True, "readiness")
        with Redis.from_url(server.url) as redis:
            until(lambda: redis.exists(keys.partition(0, "epoch")) == 1, "the scheduler's first tick")
        for process in ("web", "scheduler"):  # two looks, of which one is whole: until then the epoch is not known
            known_to(process, server)
        server.save()
        sender.post_until_accepted(message("42", "add", range(2, 4)))
        server.restore()
        sender.post_until_accepted(message("42", "add", range(4, 5)))
        until(lambda: contents(group)["ok"] is False, "readiness says so")
        assert contents(group)["detail"].startswith(SAID)
        assert "ferry doctor --acknowledge" in contents(group)["remedy"]
        with Redis.from_url(server.url) as redis, receiving() as posts:
            judged(redis, Alerting(slack=posts.url))
            assert any("The ledger went back in time" in text for text in posts.texts)
            assert "went back in time" in ferry(server.url, tmp_path, "status").output
            told = ferry(server.url, tmp_path, "doctor", "--acknowledge", KLAVIYO_BASE_URL=klaviyo.url)
            assert "Acknowledged: the ledger went back in time" in told.output
            assert b"acknowledge" in [fields[b"what"] for _, fields in redis.xrange(keys.AUDIT)]
            judged(redis, Alerting(slack=posts.url))
            assert any("over: The ledger went back in time" in text for text in posts.texts)
        until(lambda: contents(group)["ok"] is True, "readiness is as before")
        again = ferry(server.url, tmp_path, "doctor", "--acknowledge", KLAVIYO_BASE_URL=klaviyo.url)
        assert "There is nothing to acknowledge" in again.output


@contextmanager
def watched(tmp_path: Path, klaviyo: Account) -> Iterator[tuple[Sentinels, Group, Sender]]:
    """A ledger with a replica that has all of the first message, and processes that have seen it."""
    with (
        Sentinels(tmp_path) as sentinels,
        Group(environment(sentinels.url, klaviyo.url), tmp_path, "web", "scheduler") as group,
    ):
        sender = Sender(group.port)
        sender.post_until_accepted(message("42", "add", range(2)))
        sentinels.wait_for_replica()
        with Redis(port=sentinels.primary) as redis:
            until(lambda: redis.exists(keys.partition(0, "epoch")) == 1, "the scheduler's first tick")
        yield sentinels, group, sender


def test_a_failover_that_lost_what_was_accepted_is_noticed(tmp_path: Path, klaviyo: Account) -> None:
    with watched(tmp_path, klaviyo) as (sentinels, group, sender):
        until(lambda: contents(group)["ok"] is True, "readiness")
        with sentinels.losing():
            assert sender.post(message("42", "add", range(2, 4))) == 202
        until(lambda: SAID in group.log("web") + group.log("scheduler"), "it is noticed")
        until(lambda: contents(group)["ok"] is False, "readiness says so")


def test_a_failover_that_lost_nothing_is_no_alarm(tmp_path: Path, klaviyo: Account) -> None:
    with watched(tmp_path, klaviyo) as (sentinels, group, sender):
        sentinels.kill_primary()
        sender.post_until_accepted(message("42", "add", range(2, 4)))
        until(lambda: contents(group)["ok"] is True, "readiness")
        assert SAID not in group.log("web") + group.log("scheduler")
