"""`ferry dead export`: what leaves Ferry, in which form, and who may read it."""

from __future__ import annotations

import csv
import io
import json
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from queues import dead_letters
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.clock import now_ms
from queues.connections import accounts
from queues.connections.accounts import AccountSettings, Cipher
from queues.policy import FlushPolicy
from tests.support.ops import LAPSED, VIPS, change, ferry, put, settle, take
from tests.support.people import names

SECRET = "a secret of at least sixteen characters"


@pytest.fixture
def export(redis: Redis, redis_url: str, tmp_path: Path) -> Any:
    """`ferry dead export`, with three letters of VIPs and one of another connection's queue."""
    put(redis, *names(100))
    batch = take(redis)
    assert batch is not None
    settle(redis, batch, dead=3)
    put(redis, dead="bob@example.com", queue=LAPSED, name="Lapsed")
    (tmp_path / "connections.toml").write_text("[connections.brand-b]\n")
    settings = {"FERRY_CONNECTIONS": str(tmp_path / "connections.toml"), "FERRY_SECRET_KEY": SECRET}
    return partial(ferry, redis_url, tmp_path, "dead", "export", **settings)


def test_letters_are_lines_of_json_with_the_persons_only_when_asked(export: Any) -> None:
    told = export()
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert (told.exit_code, len(lines)) == (0, 4)
    assert {line["reason"] for line in lines} == {"no_email", "malformed"}
    assert all(line["first_tried_at"] and line["died_at"] and line["message"] == "m-1" for line in lines)
    assert "@" not in told.output
    assert "--personal-data" in told.stderr
    whole = [json.loads(line) for line in export("--personal-data").stdout.splitlines()]
    assert {"email": "p0@example.com"} in [line["person"] for line in whole]
    assert whole[1]["detail"] == {"field": "email", "detail": "p0@ is wrong"}


def test_the_filters_are_those_of_the_list(export: Any) -> None:
    assert len(export("--reason", "no_email").stdout.splitlines()) == 3
    assert len(export("--queue", "Lapsed").stdout.splitlines()) == 1
    assert export("--older-than", "1d").stdout == ""


def test_a_file_holds_the_persons_and_only_its_owner_reads_it(export: Any, tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    told = export("--output", str(file))
    assert (told.exit_code, told.stdout) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "bob@example.com" in file.read_text()
    assert len(file.read_text().splitlines()) == 4


def test_a_file_that_is_there_is_not_written_into(export: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    for there in (file, link):
        told = export("--output", str(there))
        assert (told.exit_code, "already exists" in told.stderr) == (1, True)
    assert (file.read_text(), (tmp_path / "elsewhere").exists()) == ("mine", False)
    assert "cannot be written" in export("--output", str(tmp_path / "no" / "folder")).stderr


def test_a_csv_holds_those_who_join_one_audience(export: Any, tmp_path: Path) -> None:
    told = export("--csv", "--queue", "VIPs", "--personal-data")
    assert told.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(told.stdout, newline="")))
    assert [row["Email"] for row in rows] == names(3)
    assert told.stdout.startswith("Email,Phone Number,External ID")
    assert "3 people in the CSV; left out: nobody." in told.stderr
    file = tmp_path / "vips.csv"
    assert export("--csv", "--reason", "no_email", "--output", str(file)).exit_code == 0
    assert file.read_bytes() == told.stdout_bytes
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--queue", "VIPs"], 2, "a CSV contains personal data: add --personal-data, or --output FILE"),
        (["--personal-data"], 2, "the letters are of 2 queues"),
        (["--personal-data", "--reason", "none"], 1, "no dead letters match"),
    ],
)
def test_a_csv_that_nobody_could_import_is_not_made(export: Any, words: list[str], code: int, says: str) -> None:
    told = export("--csv", *words)
    assert (told.exit_code, told.stdout) == (code, "")
    assert says in told.stderr


@pytest.mark.parametrize("kind", ["profile", "event", "consent", "erasure"])
def test_what_puts_nobody_on_a_list_makes_no_csv_but_lines_of_json(export: Any, redis: Redis, kind: str) -> None:
    queue = type(VIPS)("default", kind, f"{kind}s")
    letter = DeadOnArrival(change("ann@example.com"), "no_identifier", "$.batch[0]: nobody")
    accept(redis, Acceptance(queue, FlushPolicy(), "", [], [letter]), now_ms())
    told = export("--csv", "--queue", f"{kind}s", "--personal-data")
    assert (told.exit_code, told.stdout) == (2, "")
    assert f"letters of {queue} add nobody to a list, so there is no CSV for them: omit --csv" in told.stderr
    (line,) = export("--queue", f"{kind}s", "--personal-data").stdout.splitlines()
    assert json.loads(line)["person"] == {"email": "ann@example.com"}


def test_people_are_mapped_by_the_settings_that_the_cdp_sent(export: Any, redis: Redis) -> None:
    accounts.remember(redis, "default", AccountSettings({"defaultCountry": "Nowhere"}), Cipher([SECRET]))
    told = export("--csv", "--queue", "VIPs", "--personal-data")
    assert (told.exit_code, "the people cannot be mapped: setting_wrong" in told.stderr) == (1, True)


def test_exported_letters_stay(export: Any, redis: Redis) -> None:
    export("--csv", "--queue", "VIPs", "--personal-data")
    assert len(list(dead_letters.read(redis, VIPS))) == 3
