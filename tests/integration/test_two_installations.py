"""Two installations share one server on purpose: FERRY_PREFIX parts all that they keep there.

Each has a user of the server's own who may touch nothing but keys and channels with its prefix; the server notes every
command that tries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from redis import Redis

from local import group_files
from tests.support.forked import prefixed
from tests.support.ops import ferry_process
from tests.support.up import HurriedUp, Up
from tests.support.valkey import serving
from tests.support.waiting import until

NAMES = ("production", "staging")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A server with a user for each installation."""
    with serving(tmp_path_factory.mktemp("redis")) as url, Redis.from_url(url, decode_responses=True) as admin:
        for name in NAMES:
            rules = ("on", f">{name}", f"~{name}:*", f"&{name}:*", "+@all")
            admin.execute_command("ACL", "SETUSER", name, *rules)
        yield admin


def has_worker(server: Redis, name: str) -> bool:
    return bool(server.exists(f"{name}:{{ferry-rq}}:workers"))


@pytest.fixture(scope="module")
def groups(server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Up]]:
    """Both of them, up."""
    path = server.connection_pool.connection_kwargs["path"]
    made: dict[str, Up] = {}
    with prefixed(*(f"{name}:" for name in NAMES)):
        try:
            for name in NAMES:
                url = f"unix://{name}:{name}@{path}"
                made[name] = HurriedUp(tmp_path_factory.mktemp(name) / "var", REDIS_URL=url, FERRY_PREFIX=f"{name}:")
            for name, up in made.items():
                up.wait_until_up()
                until(partial(has_worker, server, name), "a worker waits for work")
            yield made
        finally:
            for up in made.values():
                up.end()


def post(up: Up, *people: str) -> None:
    token = group_files.read(up.var)["FERRY_TOKENS"].partition(":")[2]
    message = {"audience": {"id": 7, "name": "VIPs"}, "changes": [{"action": "add", "email": each} for each in people]}
    headers = {"Authorization": f"Token {token}"}
    answer = requests.post(f"http://127.0.0.1:{up.port}/v1/changes", json=message, headers=headers, timeout=60)
    assert answer.status_code == 202


def members(up: Up) -> list[str]:
    emulator = group_files.read(up.var)["KLAVIYO_BASE_URL"]
    found = requests.get(f"{emulator}/_emulator/lists/VIPs/members", timeout=60).json()
    return sorted(found["members"])


def ferry(up: Up, *words: str) -> str:
    """`ferry` from another terminal, which finds all of it by the folder alone."""
    told = up.ferry(*words)
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_both_deliver_and_neither_sees_the_others_people(groups: dict[str, Up]) -> None:
    for name, up in groups.items():
        post(up, f"ann@{name}.example.com", f"bob@{name}.example.com")
    for up in groups.values():
        ferry(up, "flush", "--all", "--wait")
    for name, up in groups.items():
        assert members(up) == [f"ann@{name}.example.com", f"bob@{name}.example.com"]
        (queue,) = json.loads(ferry(up, "status", "--json"))["queues"]
        assert (queue["accepted"], queue["delivered"]) == (2, 2)


def test_what_else_there_is_to_do_stays_within_the_prefix(groups: dict[str, Up], tmp_path: Path) -> None:
    up = groups["staging"]
    (tmp_path / "vips.csv").write_text("email\nann@staging.example.com\ncat@staging.example.com\n")
    ferry(up, "sync", "7", str(tmp_path / "vips.csv"), "--name", "VIPs", "--confirm")
    ferry(up, "flush", "--all", "--wait")
    until(lambda: members(up) == ["ann@staging.example.com", "cat@staging.example.com"])
    ferry(up, "hold", "default", "--reason", "a look")
    ferry(up, "release", "default")
    ferry(up, "users", "add", "eve", "--role", "operator")
    for words in (
        ("users", "list"),
        ("dead", "list"),
        ("audit",),
        ("holds",),
        ("syncs", "7"),
        ("reconcile", "7"),
    ):
        ferry(up, *words)
    base = f"http://127.0.0.1:{up.port}"
    wrong = requests.post(f"{base}/sign-in", data={"token": "x" * 40}, headers={"Origin": base}, timeout=60)
    assert wrong.status_code in (400, 401, 403)
    token = group_files.read(up.var)["FERRY_ADMIN_TOKEN"]
    for path in ("/metrics", "/", "/dead", "/audit"):
        answer = requests.get(f"{base}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.status_code == 200, path
    found = {check["check"]: check["result"] for check in json.loads(up.ferry("doctor", "--json").stdout)}
    assert (found["installation"], found["workers"], found["ledger"]) == ("ok", "ok", "ok")
    assert requests.get(f"{base}/readyz", timeout=60).status_code in (200, 503)


def test_every_key_begins_with_the_prefix_and_no_command_tried_another(server: Redis, groups: dict[str, Up]) -> None:
    for name, up in groups.items():
        post(up, f"dan@{name}.example.com")
        ferry(up, "flush", "--all", "--wait")
    found = cast("list[str]", server.keys())
    assert {key.partition(":")[0] for key in found} == set(NAMES)
    for name in NAMES:
        assert any(key.startswith(f"{name}:{{ferry-rq}}:") for key in found), "RQ's as well"
        assert any(key.startswith(f"{name}:ferry:{{p") for key in found), "the hash tags stay"
        assert any(key.startswith(f"{name}:ferry:limits") for key in found), "and the limits'"
    denied: list[Any] = server.acl_log()
    assert denied == []


def test_one_without_a_prefix_is_a_third(server: Redis, groups: dict[str, Up], tmp_path: Path) -> None:
    path = server.connection_pool.connection_kwargs["path"]
    told = ferry_process(f"unix://{path}", tmp_path, "status", "--json")
    assert json.loads(told.stdout)["queues"] == []


WRONG = ("{x}", "a b", "ferry}", "x" * 41, "ü:")


@pytest.mark.parametrize(
    ("command", "prefix"),
    [*(("status", prefix) for prefix in WRONG), *((command, WRONG[0]) for command in ("worker", "up", "demo"))],
)
def test_a_prefix_that_would_break_keys_is_refused(command: str, prefix: str, tmp_path: Path) -> None:
    told = ferry_process("redis://127.0.0.1:1", tmp_path, command, FERRY_PREFIX=prefix)
    assert told.returncode == 2
    assert told.stderr.startswith("Error: FERRY_PREFIX: it may have up to 40 characters")
    assert "Example: FERRY_PREFIX=staging:" in told.stderr
