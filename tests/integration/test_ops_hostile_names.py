"""No command lets a name that a sender chose steer the terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from click.testing import Result
from redis import Redis

from configuration.alerts import Alerting
from emulator.world import World
from queues import audit, holds
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.change import Body, encode, person_key
from queues.clock import now_ms
from queues.connections import accounts
from queues.connections.accounts import AccountSettings, Cipher
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy
from queues.snapshots import orders
from queues.snapshots.records import Record, SnapshotOrder
from tests.support.alerts import everything_runs, judged, receiving
from tests.support.emulated import serving
from tests.support.hostile import HOSTILE, IN_JSON, SHOWN, STEERS
from tests.support.ops import COMMAND, environment, ferry

TWIN = Queue("default", "audience", f"{HOSTILE}2")
EVIL = Queue("default", "audience", HOSTILE)
ANN = "ann@example.com"
SECRET = "a secret of at least sixteen characters"

#: Commands that print names, people's rows or reasons, and what each must show.
PLAIN = [
    ["status"],
    ["holds"],
    ["hold", str(EVIL), "--reason", HOSTILE],
    ["release", str(EVIL), "--force"],
    ["flush", "--all"],
    ["dead", "list"],
    ["explain", str(EVIL), ANN],
    ["explain", str(EVIL), ANN, "--personal-data"],
    ["syncs"],
    ["audit"],
    ["alerts"],
]
JSON = [
    ["status", "--json"],
    ["holds", "--json"],
    ["dead", "list", "--json"],
    ["dead", "export"],
    ["dead", "export", "--personal-data"],
    ["explain", str(EVIL), ANN, "--json", "--personal-data"],
    ["syncs", "--json"],
    ["audit", "--json"],
    ["alerts", "--json"],
]
REFUSED = [
    ["flush", HOSTILE],
    ["flush", "VIP"],
    ["hold", HOSTILE, "--reason", "x"],
    ["dead", "show", HOSTILE],
    ["reconcile", "VIP"],
]

Command = Callable[..., Result]


def _change(email: str) -> bytes:
    person = msgspec.json.encode({"email": email, "attributes": {"=1+1": HOSTILE, "first_name": "=HYPERLINK()"}})
    body = Body("add", now_ms(), "changes", HOSTILE, msgspec.Raw(person))
    return encode((person_key("email", email),), now_ms(), body)


@pytest.fixture
def command(redis: Redis, redis_url: str, tmp_path: Path) -> Iterator[Command]:
    """`ferry`, beside a ledger in which everything that a sender names is hostile."""
    audience = msgspec.json.encode({"name": HOSTILE, "settings": {}})
    letters = [DeadOnArrival(_change("bob@example.com"), f"malformed {HOSTILE}", f"{HOSTILE} is wrong")]
    for queue in (EVIL, TWIN):
        accept(redis, Acceptance(queue, FlushPolicy(), HOSTILE, [_change(ANN)], letters, audience), now_ms())
        holds.place(redis, queue, Hold(HOSTILE, 7, HOSTILE))
    holds.place(redis, "default", Hold(HOSTILE, 7, HOSTILE, error_id=HOSTILE))
    accounts.remember(redis, "default", AccountSettings({}), Cipher([SECRET]))
    _snapshot(redis)
    audit.note(redis, HOSTILE, HOSTILE, HOSTILE, outcome=HOSTILE)
    everything_runs(redis)
    file = tmp_path / "connections.toml"
    file.write_text('[alerts]\nslack_url_env = "SLACK_WEBHOOK"\n')
    with receiving() as slack:
        judged(redis, Alerting(slack=slack.url))
    settings = {"FERRY_CONNECTIONS": str(file), "SLACK_WEBHOOK": slack.url, "FERRY_SECRET_KEY": SECRET}
    with serving(World()) as klaviyo:
        yield partial(ferry, redis_url, tmp_path, COLUMNS="1000", KLAVIYO_BASE_URL=klaviyo, **settings)


def _snapshot(redis: Redis) -> None:
    queue = orders.queue_of("default", HOSTILE)
    order = SnapshotOrder(orders.new_id(queue), now_ms(), "csv", name=HOSTILE, campaign=HOSTILE, group=HOSTILE)
    record = Record(str(queue), order, now_ms(), 0, error=HOSTILE, state="failed")
    assert orders.submit(redis, queue, record, b"", now_ms()).fresh


def _check(told: Result) -> None:
    assert not (found := STEERS.search(told.output)), (found, told.output)
    for line in told.output.splitlines():
        assert not line.lstrip().startswith("2026 OK forged"), "a line that is no line of Ferry's"


def test_what_people_read_shows_a_hostile_name_and_obeys_nothing_in_it(command: Command) -> None:
    for words in PLAIN:
        told = command(*words)
        assert told.exit_code == 0, (words, told.output)
        _check(told)
        assert SHOWN in told.output.replace("\n", "") or words[0] in ("hold", "release"), words


def test_what_programs_read_is_exact_and_steers_nothing_either(command: Command) -> None:
    for words in JSON:
        told = command(*words)
        assert told.exit_code == 0, (words, told.output)
        _check(told)
        assert IN_JSON in told.stdout, words
        documents = told.stdout.splitlines() if words[:2] == ["dead", "export"] else [told.stdout]
        assert any(json.dumps(HOSTILE)[1:-1] in json.dumps(json.loads(each)) for each in documents), words


def test_an_error_that_repeats_a_hostile_name_steers_nothing(command: Command) -> None:
    for words in REFUSED:
        told = command(*words)
        assert told.exit_code in (1, 2), (words, told.output)
        _check(told)


def test_a_csv_is_exact_for_a_program_and_safe_for_a_spreadsheet_when_asked(command: Command) -> None:
    words = ["dead", "export", "--csv", "--queue", str(EVIL), "--personal-data"]
    exact = command(*words)
    assert exact.exit_code == 0, exact.output
    assert HOSTILE.encode() in exact.stdout_bytes
    assert b"=1+1" in exact.stdout_bytes.splitlines()[0]
    safe = command(*words, "--csv-safe")
    assert not STEERS.search(safe.stdout.replace("\r\n", "\n"))
    assert SHOWN in safe.stdout
    assert "'=1+1" in safe.stdout
    assert ",'=HYPERLINK()" in safe.stdout
    assert command("dead", "export", "--csv-safe", "--personal-data").exit_code == 2


def test_a_csv_that_is_shown_at_a_terminal_steers_nothing(command: Command, redis_url: str, tmp_path: Path) -> None:
    words = [*COMMAND, "dead", "export", "--csv", "--queue", str(EVIL), "--personal-data"]
    ours, theirs = pty.openpty()
    env = environment(redis_url, tmp_path, FERRY_SECRET_KEY=SECRET)
    with subprocess.Popen(words, env=env, stdout=theirs, stderr=subprocess.DEVNULL):
        os.close(theirs)
        shown = _until_hung_up(ours).decode().replace("\r\n", "\n")
    os.close(ours)
    assert SHOWN in shown
    assert not STEERS.search(shown)


def _until_hung_up(terminal: int) -> bytes:
    read = b""
    while True:
        try:
            read += os.read(terminal, 65_536)
        except OSError:  # Linux's way to say that nobody has the other end any more
            return read
