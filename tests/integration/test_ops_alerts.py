"""`ferry alerts`, and the processes in which alerts are judged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from configuration.alerts import Alerting
from queues import holds, keys
from queues.clock import now_ms
from queues.holds import Hold
from tests.support.alerts import SECRET, Posts, everything_runs, judged, receiving
from tests.support.group import Group
from tests.support.ops import environment, ferry
from tests.support.waiting import until

TABLE = """
[alerts]
slack_url_env = "SLACK_WEBHOOK"
webhook_url = "{webhook}"
webhook_secret_env = "ALERT_SECRET"
"""


@pytest.fixture
def slack() -> Iterator[Posts]:
    """Where Slack would be."""
    with receiving() as started:
        yield started


@pytest.fixture
def webhook() -> Iterator[Posts]:
    """Where the webhook goes."""
    with receiving() as started:
        yield started


@pytest.fixture
def told(slack: Posts, webhook: Posts, tmp_path: Path) -> dict[str, str]:
    """An environment in which both are told."""
    file = tmp_path / "connections.toml"
    file.write_text(TABLE.format(webhook=webhook.url))
    return {"FERRY_CONNECTIONS": str(file), "SLACK_WEBHOOK": slack.url, "ALERT_SECRET": SECRET}


def test_what_is_raised_is_listed_with_what_to_do_and_who_was_told(
    redis: Redis, redis_url: str, tmp_path: Path, slack: Posts, told: dict[str, str]
) -> None:
    everything_runs(redis)
    assert ferry(redis_url, tmp_path, "alerts", **told).stdout == "No active alerts.\n"
    holds.place(redis, "default", Hold("list_gone", 7, "Restore the list."))
    judged(redis, Alerting(slack=slack.url))
    table = ferry(redis_url, tmp_path, "alerts", **told).stdout
    assert re.search(r"For +Alert +What to do +Notified", table)
    assert "slack" in table
    (found,) = json.loads(ferry(redis_url, tmp_path, "alerts", "--json", **told).stdout)
    assert (found["id"], found["rule"], found["on"]) == ("holds/default/7", "holds", "default")
    assert (found["text"], found["told"]) == ("default is held: list_gone", ["slack"])


def test_a_test_goes_to_every_channel_and_says_which_took_it(
    redis_url: str, tmp_path: Path, slack: Posts, webhook: Posts, told: dict[str, str]
) -> None:
    fine = ferry(redis_url, tmp_path, "alerts", "test", **told)
    assert (fine.exit_code, fine.stdout) == (0, "slack: arrived\nwebhook: arrived\n")
    assert slack.texts == ["*Ferry*\nThis is a test: Ferry's alerts arrive here.\nNo action is needed."]
    assert json.loads(webhook.bodies[0])["alerts"][0]["rule"] == "test"
    slack.statuses = [404]
    failed = ferry(redis_url, tmp_path, "alerts", "test", **told)
    assert (failed.exit_code, failed.stdout, failed.stderr) == (1, "webhook: arrived\n", "slack: answered HTTP 404\n")


def test_the_list_says_where_nobody_judges(
    redis: Redis, redis_url: str, tmp_path: Path, slack: Posts, told: dict[str, str]
) -> None:
    everything_runs(redis)
    assert (
        "Alerts were not evaluated yet: start `ferry scheduler`" in ferry(redis_url, tmp_path, "alerts", **told).stderr
    )
    judged(redis, Alerting(slack=slack.url))
    assert ferry(redis_url, tmp_path, "alerts", **told).stderr == ""
    redis.hincrby(keys.ALERTS_SEEN, "judge", -720_000)
    assert (
        "Alerts were not evaluated for 12\u00a0min: " in ferry(redis_url, tmp_path, "alerts", "--json", **told).stderr
    )


@pytest.mark.parametrize("words", [("alerts",), ("alerts", "test")])
def test_without_a_channel_it_says_how_to_configure_one(redis_url: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    found = ferry(redis_url, tmp_path, *words)
    assert (found.exit_code, "[alerts]" in found.stderr) == (2, True)


def test_the_web_process_tells_of_a_silent_scheduler(
    redis: Redis, redis_url: str, tmp_path: Path, slack: Posts, told: dict[str, str]
) -> None:
    redis.hset(keys.ALERTS_SEEN, mapping={"scheduler": now_ms() - 180_000, "worker": now_ms()})
    with Group(environment(redis_url, tmp_path, **told), tmp_path, "web") as group:
        until(lambda: bool(slack.texts), "the alert")
        assert "No scheduler has ticked for 3\u00a0min: nothing is taken from the queues." in slack.texts[0]
        assert group.terminate_all().keys() == {"web"}
        assert slack.url not in group.log("web")


def test_the_scheduler_tells_too_and_ends_when_told(
    redis: Redis, redis_url: str, tmp_path: Path, slack: Posts, webhook: Posts, told: dict[str, str]
) -> None:
    everything_runs(redis)
    holds.place(redis, "default", Hold("list_gone", 7, "Restore the list."))
    with Group(environment(redis_url, tmp_path, **told), tmp_path, "scheduler") as group:
        until(lambda: bool(slack.texts and webhook.bodies), "the alert")
        assert group.terminate_all() == {"scheduler": 0}
        assert "slack was notified of 1 alert: holds/default/7" in group.log("scheduler")
