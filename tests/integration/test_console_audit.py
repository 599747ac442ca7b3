"""The audit: what people did, by whichever way, and nothing of the persons it was about."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from console.auth.roles import Role
from ops.audit_format import counted
from ops.ledger import by
from queues import audit, keys
from queues.names import Queue
from tests.support.console import console
from tests.support.ops import VIPS, ferry, put

Ferry = Callable[..., Any]


@pytest.fixture
def call(redis_url: str, tmp_path: Path) -> Ferry:
    return partial(ferry, redis_url, tmp_path)


def entries(redis: Redis) -> list[tuple[str, str, str, dict[str, int]]]:
    """Oldest first, all by whoever runs the tests."""
    found = audit.read(redis, 100)
    assert {entry.who for entry in found} <= {by()}
    return [(entry.what, entry.on, entry.outcome, entry.counts) for entry in reversed(found)]


def test_what_is_done_by_commands_is_written_down(redis: Redis, call: Ferry) -> None:
    put(redis, "ann@example.com", dead="ben@example.com")
    queue = str(VIPS)
    for words in (
        ("flush", "VIPs"),
        ("hold", "VIPs", "--reason", "ask ann@example.com"),
        ("hold", "VIPs", "--reason", "again"),
        ("release", "VIPs"),
        ("release", "default"),
        ("dead", "replay", "--all"),
    ):
        assert call(*words).exit_code == 0, words
    assert entries(redis) == [
        ("flush", queue, "done", {"changes": 1}),
        ("hold", queue, "done", {}),
        ("hold", queue, "held already", {}),
        ("release", queue, "done", {}),
        ("release", "default", "not held", {}),
        ("replay", queue, "done", {"replayed": 1, "stayed": 0}),
    ]
    assert b"example.com" not in repr(redis.xrange(keys.AUDIT)).encode()


def test_letters_that_are_deleted_leave_their_number(redis: Redis, call: Ferry) -> None:
    put(redis, dead="ben@example.com")
    assert call("dead", "purge", "--all", "--yes").exit_code == 0
    assert entries(redis) == [("purge", str(VIPS), "done", {"purged": 1})]


def test_what_only_looks_is_not_written_down(redis: Redis, call: Ferry) -> None:
    put(redis, "ann@example.com", dead="ben@example.com")
    for words in (("status",), ("dead", "list"), ("holds",), ("audit",), ("users", "list")):
        assert call(*words).exit_code == 0, words
    assert entries(redis) == []


def test_users_are_added_listed_and_removed(redis: Redis, call: Ferry) -> None:
    added = call("users", "add", "ann", "--role", "operator")
    token = added.stdout.strip()
    assert token.startswith("ferry_")
    assert token not in repr(redis.hgetall(keys.USERS))
    assert call("users", "add", "ann", "--role", "admin").exit_code == 1
    listed = json.loads(call("users", "list", "--json", FERRY_ADMIN_TOKEN="x" * 32).stdout)
    assert [(user["name"], user["role"]) for user in listed] == [("ann", "operator"), ("admin", "admin")]
    assert "operator" in call("users", "list").stdout
    assert call("users", "remove", "ann").exit_code == 0
    assert call("users", "remove", "ann").exit_code == 1
    assert "No users yet" in call("users", "list").stdout
    assert entries(redis) == [("user added", "ann", "as operator", {}), ("user removed", "ann", "done", {})]


@pytest.mark.parametrize(
    "words",
    [
        ("add", "ann@example.com", "--role", "viewer"),
        ("add", "admin", "--role", "viewer"),
        ("add", "ann"),
        ("add", "ann", "--role", "nobody"),
        ("remove", "admin"),
    ],
)
def test_a_user_that_cannot_be_is_wrong_usage(redis: Redis, call: Ferry, words: tuple[str, ...]) -> None:
    assert call("users", *words).exit_code == 2
    assert not redis.exists(keys.USERS)


def test_a_user_who_is_added_may_do_it_at_once_and_not_after_the_end(redis: Redis, redis_url: str, call: Ferry) -> None:
    with console(redis_url) as served:
        token = call("users", "add", "ann", "--role", "operator").stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.get(f"{served.url}/audit", headers=headers, timeout=30).status_code == 200
        call("users", "remove", "ann")
        assert requests.get(f"{served.url}/audit", headers=headers, timeout=30).status_code == 401


def test_the_command_shows_the_newest_first_for_people_and_programs(redis: Redis, call: Ferry) -> None:
    for number in range(3):
        audit.note(redis, "web:ann", "flush", Queue("default", "audience", f"a[{number}]"), changes=1_000 * number)
    shown = json.loads(call("audit", "--json", "--limit", "2").stdout)
    assert [(entry["on"], entry["counts"]) for entry in shown] == [
        ("default/audience/a%5B2%5D", {"changes": 2000}),
        ("default/audience/a%5B1%5D", {"changes": 1000}),
    ]
    lines = call("audit").stdout.splitlines()
    assert "2,000 changes" in lines[1]


def test_one_of_something_is_singular_and_what_was_done_stays() -> None:
    assert counted({"changes": 1, "letters": 2, "queues": 1}) == "1 change, 2 letters, 1 queue"
    assert counted({"replayed": 1_200, "stayed": 1}) == "1,200 replayed, 1 stayed"
    assert counted({}) == ""


def test_the_page_shows_all_of_it_in_pages(redis: Redis, redis_url: str) -> None:
    with console(redis_url) as served:
        for number in range(150):
            audit.note(redis, "cli:root", "flush", f"queue-{number}-", changes=number)
        browser = served.browser(Role.OPERATOR)
        first = browser.get(f"{served.url}/audit", timeout=30).text
        assert first.index("sign-in</td>") < first.index("queue-149-") < first.index("queue-51-")
        assert "queue-50-" not in first
        assert ">149 changes<" in first
        earlier = first.partition('href="/audit?before=')[2].partition('"')[0]
        second = browser.get(f"{served.url}/audit?before={earlier}", timeout=30).text
        assert second.index("queue-50-") < second.index("queue-0-")
        assert "queue-51-" not in second
        assert "Earlier" not in second
        assert browser.get(f"{served.url}/audit?before=x", timeout=30).status_code == 404


def test_what_stands_in_the_audit_is_text_to_the_page(redis: Redis, redis_url: str) -> None:
    with console(redis_url) as served:
        audit.note(redis, "cli:root", "hold", "<script>alert(1)</script>")
        page = served.browser(Role.ADMIN).get(f"{served.url}/audit", timeout=30).text
        assert "&lt;script&gt;alert(1)" in page


def test_the_audit_is_bounded(redis: Redis) -> None:
    for _ in range(audit.KEPT // 100 + 1):
        with redis.pipeline(transaction=False) as pipe:
            for _ in range(100):
                audit.note(pipe, "cli:root", "flush")
            pipe.execute()
    assert audit.KEPT <= redis.xlen(keys.AUDIT) <= audit.KEPT + 200


def test_whoever_acts_while_the_memory_is_full_is_not_told_that_it_failed(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis.config_set("maxmemory", "1")
    try:
        audit.note(redis, "cli:root", "release", VIPS)
    finally:
        redis.config_set("maxmemory", "0")
    assert audit.read(redis, 1) == []
    assert f"no entry of cli:root for release on {VIPS}, because Redis is full" in caplog.text
