"""One Redis belongs to one installation: another one that is given its address by mistake refuses to start."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from click.testing import Result
from redis import Redis

from console.auth.roles import Role
from local import group_files, ports
from queues import keys
from queues.errors import NotOurs
from queues.server import installation
from tests.support.console import console
from tests.support.forked import Forked
from tests.support.ops import COMMAND, environment, ferry, ferry_process, put
from tests.support.up import HurriedUp
from tests.support.valkey import start_server
from tests.support.waiting import until

Call = Callable[..., subprocess.CompletedProcess[str] | Result]
PRODUCTION = {"FERRY_INSTALLATION": "production"}
STAGING = {"FERRY_INSTALLATION": "staging", "KLAVIYO_API_KEY": "pk_staging", "FERRY_SECRET_KEY": "0123456789abcdef"}
PROCESSES = [("web", "--port", "0"), ("scheduler",), ("worker",)]
WRITING = [
    ("flush", "--all"),
    ("hold", "default", "--reason", "x"),
    ("release", "default"),
    ("dead", "replay", "--all"),
    ("dead", "confirm", "1-0"),
    ("dead", "purge", "--all", "--yes"),
    ("users", "add", "eve", "--role", "admin"),
    ("users", "remove", "eve"),
    ("connections", "add", "brand"),
    ("connections", "remove", "brand"),
    ("connections", "rotate", "default"),
    ("reconcile", "VIPs", "--repair"),
    ("selftest", "--yes"),
]


def everything(redis: Redis) -> dict[bytes, object]:
    """What is stored, as Redis would save it."""
    return {key: redis.dump(key) for key in cast("Iterator[bytes]", redis.scan_iter())}


def refused(told: subprocess.CompletedProcess[str] | Result, owner: str = "production") -> bool:
    code = told.exit_code if isinstance(told, Result) else told.returncode
    assert code == 2, told.stderr
    assert "Traceback" not in told.stderr
    return (
        f"it belongs to installation {owner}, since 20" in told.stderr and f"FERRY_INSTALLATION={owner}" in told.stderr
    )


@pytest.fixture
def owned(redis: Redis) -> Redis:
    """A Redis in which production has people."""
    installation.claim(redis, "production")
    put(redis, "ann@example.com")
    return redis


@pytest.mark.parametrize(
    ("call", "words"), [*((ferry_process, words) for words in PROCESSES), *((ferry, words) for words in WRITING)]
)
def test_another_installation_is_refused_told_whose_redis_it_is_and_writes_nothing(
    call: Call, words: tuple[str, ...], owned: Redis, redis_url: str, tmp_path: Path
) -> None:
    before = everything(owned)
    told = call(redis_url, tmp_path, *words, **STAGING)
    assert refused(told)
    assert f"Redis at {redis_url} does not belong to this installation" in told.stderr
    assert "this process belongs to installation staging" in told.stderr
    assert everything(owned) == before


def test_a_file_is_not_synced_into_another_installations_redis(owned: Redis, redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "vips.csv").write_text("email\nbob@example.com\n")
    before = everything(owned)
    assert refused(ferry(redis_url, tmp_path, "sync", "VIPs", str(tmp_path / "vips.csv"), **STAGING))
    assert everything(owned) == before


@pytest.mark.parametrize("words", PROCESSES, ids=" ".join)
def test_a_process_without_a_name_is_a_stranger_where_the_owner_has_one(
    words: tuple[str, ...], owned: Redis, redis_url: str, tmp_path: Path
) -> None:
    before = everything(owned)
    told = ferry_process(redis_url, tmp_path, *words, KLAVIYO_API_KEY="pk_staging")
    assert refused(told)
    assert "names none (FERRY_INSTALLATION is not set)" in told.stderr
    assert everything(owned) == before


def test_who_only_looks_is_let_in(owned: Redis, redis_url: str, tmp_path: Path) -> None:
    before = everything(owned)
    for words in (("status",), ("holds",), ("dead", "list"), ("users", "list"), ("audit",), ("status", "--json")):
        told = ferry(redis_url, tmp_path, *words, **STAGING)
        assert told.exit_code == 0, told.stderr
    assert everything(owned) == before


def test_a_redis_of_old_belongs_to_the_first_that_comes(redis: Redis) -> None:
    put(redis, "ann@example.com")
    installation.claim(redis, "production")
    installation.claim(redis, "production")
    with pytest.raises(NotOurs):
        installation.claim(redis, "staging")


def test_without_a_name_one_is_made_that_can_be_set_later(redis: Redis) -> None:
    installation.claim(redis, None)
    made = installation.owner(redis)
    assert made is not None
    installation.claim(redis, None)
    with pytest.raises(NotOurs):
        installation.claim(redis, "production")
    installation.claim(redis, made.name)
    with pytest.raises(NotOurs, match=made.name):
        installation.claim(redis, None)


def test_of_two_that_come_at_once_exactly_one_is_let_in(redis: Redis, redis_url: str) -> None:
    names = [f"n{number}" for number in range(8)]
    let_in: list[str] = []
    ready = threading.Barrier(len(names))

    def come(name: str) -> None:
        with Redis.from_url(redis_url) as mine:
            mine.ping()
            ready.wait()
            try:
                installation.claim(mine, name)
            except NotOurs:
                return
            let_in.append(name)

    threads = [threading.Thread(target=come, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = installation.owner(redis)
    assert found is not None
    assert let_in == [found.name]


def test_a_full_redis_lets_the_processes_in_that_can_make_room(redis: Redis) -> None:
    put(redis, "ann@example.com")
    redis.config_set("maxmemory", 1)
    try:
        installation.claim(redis, "production")
        assert installation.owner(redis) is None
    finally:
        redis.config_set("maxmemory", 0)
    installation.claim(redis, "production")
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(NotOurs):
            installation.claim(redis, "staging")
    finally:
        redis.config_set("maxmemory", 0)


def verdict(redis_url: str, var: Path, command: str, **env: str) -> tuple[int, str]:
    told = ferry(redis_url, var, command, FERRY_TOKENS="a:0123456789abcdef", **env)
    return told.exit_code, re.sub(r"\s+", " ", told.stdout)


def test_doctor_and_release_check_say_whose_redis_it_is(owned: Redis, tmp_path: Path, redis_url: str) -> None:
    for command in ("doctor", "release-check"):
        for env in (STAGING, {}):
            code, said = verdict(redis_url, tmp_path, command, **env)
            assert code == 1
            assert "Redis belongs to another installation: it belongs to installation production" in said
        assert "another installation" not in verdict(redis_url, tmp_path, command, **PRODUCTION)[1]


def test_without_a_name_they_warn_and_say_which_to_set(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    installation.claim(redis, None)
    made = installation.owner(redis)
    assert made is not None
    for command in ("doctor", "release-check"):
        said = verdict(redis_url, tmp_path, command)[1]
        assert "FERRY_INSTALLATION is not set" in said
        assert f"set FERRY_INSTALLATION on every process, to {made.name}" in said


def test_the_page_warns_without_a_name_and_shows_it_else(redis: Redis, redis_url: str) -> None:
    for name, said in (
        (None, "Ferry cannot notice a second installation on this Redis"),
        ("production", "production"),
    ):
        with console(redis_url, installation=name) as shown:
            page = shown.browser(Role.VIEWER).get(f"{shown.url}/connections", timeout=30).text
        assert "<dt>Installation</dt>" in page
        assert said in page


@contextmanager
def started(log: Path, *words: str, **env: str) -> Iterator[Forked]:
    with log.open("w") as file:
        process = Forked([*COMMAND, *words], env, file.fileno(), file.fileno())
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)


def answer(port: int, method: str, path: str) -> int | None:
    headers = {"Authorization": "Token 0123456789abcdef"}
    message: Any = {"audience": {"id": 7}, "changes": [{"action": "add", "email": "bob@example.com"}]}
    try:
        asked = requests.request(method, f"http://127.0.0.1:{port}{path}", json=message, headers=headers, timeout=60)
    except requests.ConnectionError:
        return None
    return asked.status_code


@pytest.mark.parametrize("owner", ["production", "staging"])
def test_a_process_that_starts_before_its_redis_looks_whose_it_is_once_it_comes_up(owner: str, tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    kept = ("--appendonly", "yes")
    with_owner, url = start_server(folder, *kept)
    with Redis.from_url(url) as redis:
        installation.claim(redis, owner)
    with_owner.terminate()
    with_owner.wait(60)
    port = ports.any_free()
    env = environment(url, tmp_path, FERRY_TOKENS="a:0123456789abcdef", **STAGING)
    with (
        started(tmp_path / "web.log", "web", "--host", "127.0.0.1", "--port", str(port), **env) as web,
        started(tmp_path / "scheduler.log", "scheduler", **env) as scheduler,
    ):
        until(lambda: answer(port, "GET", "/healthz") == 200)
        assert answer(port, "POST", "/v1/changes") == 503
        assert scheduler.poll() is None
        server, _ = start_server(folder, *kept)
        try:
            if owner == "staging":
                until(lambda: answer(port, "POST", "/v1/changes") == 202)
                with Redis.from_url(url) as redis:
                    until(lambda: bool(redis.exists(keys.HEARTBEAT)))
                assert (web.poll(), scheduler.poll()) == (None, None)
            else:
                until(lambda: web.poll() is not None and scheduler.poll() is not None)
                with Redis.from_url(url) as redis:
                    assert redis.keys() == [keys.INSTALLATION.encode()]
                assert scheduler.returncode == 2
                assert "it belongs to installation production" in (tmp_path / "web.log").read_text()
        finally:
            server.terminate()
            server.wait(60)


def test_ferry_up_keeps_its_name_and_a_second_installation_delivers_nobody_of_the_first(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    first = HurriedUp(tmp_path / "first", REDIS_URL=redis_url, FERRY_FLUSH_SIZE="100")
    first.wait_until_up()
    try:
        assert first.post().status_code == 202
        known = group_files.read(first.var)
        name, token = known["FERRY_INSTALLATION"], known["FERRY_TOKENS"]
        second = ferry_process(
            redis_url, tmp_path / "second", "up", "--port", str(ports.any_free()), FERRY_TOKENS=token
        )
        assert refused(second, name)
        worker = ferry_process(redis_url, tmp_path / "third", "worker", FERRY_INSTALLATION="x", KLAVIYO_API_KEY="pk_x")
        assert refused(worker, name)
        assert first.ferry("flush", "--all", "--wait").returncode == 0
    finally:
        first.end()
    again = HurriedUp(first.var, REDIS_URL=redis_url)
    again.wait_until_up()
    again.end()
