"""`ferry status` of a ledger: one queue, some queues, for a monitor, and for a terminal without colours."""

from __future__ import annotations

import json
import os
import pty
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result
from redis import Redis

from queues import doorbell, holds, keys  # before rq: doorbell sets RQ's key prefix

# isort: split
from rq import Worker

from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from tests.support.forked import Forked
from tests.support.ops import COMMAND, LAPSED, VIPS, environment, ferry, put, settle, take
from tests.support.people import names

KEY = Hold("unauthenticated", 7, "Give it another key.", probed=True)


@pytest.fixture
def filled(redis: Redis) -> Iterator[Redis]:
    """Two audiences with pending changes, delivered ones and dead letters, beside a scheduler and a worker."""
    put(redis, *names(150), dead="ann@example.com")
    batch = take(redis)
    assert batch is not None
    settle(redis, batch, dead=2)
    put(redis, *names(30), queue=LAPSED, name="Lapsed")
    redis.set(keys.HEARTBEAT, now_ms(), px=600_000)
    worker = Worker([doorbell.rq_queue(redis)], connection=redis)
    worker.register_birth()  # type: ignore[no-untyped-call]
    yield redis
    worker.register_death()  # type: ignore[no-untyped-call]


def queues(told: Result) -> list[str]:
    assert told.exit_code == 0, told.output
    return [queue["queue"] for queue in json.loads(told.stdout)["queues"]]


def test_one_queue_is_shown_alone(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    holds.place(filled, "default", KEY)
    told = ferry(redis_url, tmp_path, "status", "Lapsed")
    assert (told.exit_code, str(LAPSED) in told.stdout, str(VIPS) in told.stdout) == (0, True, False)
    assert "unauthenticated" not in told.stdout, "a hold on another connection"
    assert "30 accepted = 30 pending" in told.stdout
    assert queues(ferry(redis_url, tmp_path, "status", "42", "--json")) == [str(VIPS)]
    told = ferry(redis_url, tmp_path, "status", "VIPz")
    assert (told.exit_code, "Similar names:" in told.stderr) == (2, True)


def test_programs_get_all_queues_unless_they_choose(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    call = partial(ferry, redis_url, tmp_path, "status", "--json")
    assert sorted(queues(call())) == sorted([str(VIPS), str(LAPSED)])
    assert queues(call("--sort", "pending")) == [str(VIPS), str(LAPSED)]
    assert queues(call("--sort", "name", "--limit", "1")) == [str(LAPSED)]
    assert queues(call("--state", "held")) == []
    assert json.loads(call("--state", "held").stdout)["balanced"] is True


def test_a_monitor_is_told_what_is_stuck_by_exit_code_3(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    check = partial(ferry, redis_url, tmp_path, "status", "--check")
    assert (check().exit_code, check().stdout) == (0, "Nothing is stuck.\n")
    holds.place(filled, "brand-b", KEY)
    told = check()
    assert (told.exit_code, told.stdout) == (3, "Stuck: 1 queue is held (unauthenticated): 30 changes wait.\n")
    assert json.loads(check("--json").stdout) == {"stuck": ["1 queue is held (unauthenticated): 30 changes wait"]}
    assert (check("--quiet").exit_code, check("--quiet").output) == (3, "")
    assert check("VIPs").exit_code == 0, "the other queue is not stuck"
    holds.release(filled, "brand-b")
    holds.place(filled, LAPSED, Hold("my own reason", now_ms()))
    assert check().exit_code == 0, "a person holds it"
    filled.delete(keys.HEARTBEAT)
    assert check("VIPs").exit_code == 3


def test_a_monitor_looks_once(redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "status", "--check", "--watch")
    assert (told.exit_code, "--check looks once" in told.stderr) == (2, True)


def test_quiet_leaves_the_exit_code(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    for words in (["status"], ["status", "--json"], ["holds"], ["dead", "list"], ["audit"], ["flush", "--all"]):
        told = ferry(redis_url, tmp_path, *words, "--quiet")
        assert (told.exit_code, told.output) == (0, ""), words
    told = ferry(redis_url, tmp_path, "flush", "nosuch", "--quiet")
    assert (told.exit_code, "there is no queue" in told.stderr) == (2, True)


def test_acts_print_json_alone(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    call = partial(ferry, redis_url, tmp_path)
    assert json.loads(call("hold", "VIPs", "--reason", "x", "--json").stdout) == {"on": str(VIPS), "placed": True}
    released = json.loads(call("release", "VIPs", "--json").stdout)
    assert released == {"on": str(VIPS), "released": True, "still": None, "snapshot": None}
    flushed = json.loads(call("flush", "Lapsed", "--json").stdout)
    assert [queue | {"upto": 30} for queue in flushed["queues"]] == [{"queue": str(LAPSED), "asked": 30, "upto": 30}]
    user = json.loads(call("users", "add", "ann", "--role", "viewer", "--json").stdout)
    assert (user["name"], user["role"], user["token"].startswith("ferry_")) == ("ann", "viewer", True)
    token = call("users", "add", "bob", "--role", "viewer", "--quiet").stdout
    assert token.startswith("ferry_"), "it exists nowhere else"
    assert json.loads(call("users", "remove", "ann", "--json").stdout) == {"name": "ann", "removed": True}


def on_a_terminal(redis_url: str, var: Path, *words: str, **env: str) -> str:
    """What a command writes to a terminal of 80 columns."""
    leader, follower = pty.openpty()
    known = environment(redis_url, var, COLUMNS="80", LINES="24", TERM="xterm-256color", **env)
    process = Forked([*COMMAND, *words], known, follower, follower)
    os.close(follower)
    said = b""
    while True:
        try:
            part = os.read(leader, 65_536)
        except OSError:  # the terminal is closed
            break
        if not part:
            break
        said += part
    process.wait(60)
    os.close(leader)
    return said.decode()


@pytest.mark.parametrize("words", [("status",), ("holds",), ("dead", "list"), ("doctor",), ("nosuch",)])
def test_no_colour_is_written_where_none_is_wanted(
    filled: Redis, redis_url: str, tmp_path: Path, words: tuple[str, ...]
) -> None:
    holds.place(filled, Queue("default", "audience", "42"), Hold("list_gone", 7, "Restore it."))
    colours = re.compile(r"\x1b\[[0-9;]*(3[0-7]|38;|4[0-7]|48;|9[0-7])[0-9;]*m")
    plain = on_a_terminal(redis_url, tmp_path, *words, NO_COLOR="1", KLAVIYO_BASE_URL="http://127.0.0.1:1")
    assert not colours.search(plain), plain
    if words == ("status",):
        assert colours.search(on_a_terminal(redis_url, tmp_path, *words)), "it has colours otherwise"


def test_the_verdict_stays_on_a_small_screen(filled: Redis, redis_url: str, tmp_path: Path) -> None:
    for number in range(60):
        queue = Queue("brand-b", "audience", f"an-audience-with-a-long-id-{number}")
        put(filled, "ann@example.com", queue=queue, name=f"Audience {number}")
    holds.place(filled, "brand-b", KEY)
    watched = on_a_watched_terminal(redis_url, tmp_path)
    lines = watched.split("\r\n")
    assert len(lines) <= 24
    assert "Delivery is stopped for brand-b." in lines[0]
    assert any("Klaviyo refuses the key of brand-b" in line for line in lines[1:4])
    assert "Scheduler: ticked" in watched


def on_a_watched_terminal(redis_url: str, var: Path) -> str:
    """The first screen of `ferry status --watch`, without its colours."""
    leader, follower = pty.openpty()
    known = environment(redis_url, var, COLUMNS="80", LINES="24", TERM="xterm", NO_COLOR="1")
    process = Forked([*COMMAND, "status", "--watch"], known, follower, follower)
    os.close(follower)
    said = b""
    try:
        while b"accepted =" not in said:
            said += os.read(leader, 65_536)
    finally:
        process.terminate()
        process.wait(60)
        os.close(leader)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.decode())
