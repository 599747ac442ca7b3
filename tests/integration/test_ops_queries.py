"""`ferry queries`: list, run, pause, resume and cancel queries, and see how their runs went."""

from __future__ import annotations

import csv
import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from io import StringIO
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from redis import Redis

from configuration import due
from queues import audit, holds
from queues.clock import now_ms
from queues.names import Queue
from queues.queries import leases, records
from tests.support.mirrored import Mirrored, mirrored
from tests.support.ops import ferry
from tests.support.queries import state
from text.wording import ms_of
from worker.queries import run as worker

TOML = """
[sources.shop]
sqlite = "shop.sqlite"
[queries.vips]
source = "shop"
table = "people"
name = "VIPs"
schedule = "30 6 * * *"
time_zone = "Europe/Berlin"
[queries.lapsed]
source = "shop"
table = "people"
paused = true
"""


@pytest.fixture
def lists(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirrored]:
    (tmp_path / "connections.toml").write_text(TOML)
    with sqlite3.connect(tmp_path / "shop.sqlite") as database:
        database.execute("create table people (email text)")
        database.executemany("insert into people values (?)", [("ann@example.com",), ("nobody@",)])
    database.close()
    with mirrored(redis, redis_url, monkeypatch, FERRY_CONNECTIONS=str(tmp_path / "connections.toml")) as found:
        yield found


@pytest.fixture
def queries(lists: Mirrored, redis_url: str, tmp_path: Path) -> Any:
    """`ferry queries`, with these queries."""
    file = str(tmp_path / "connections.toml")
    return partial(ferry, redis_url, tmp_path, "queries", FERRY_CONNECTIONS=file, KLAVIYO_BASE_URL=lists.klaviyo.url)


def read(answered: Result) -> Any:
    assert answered.exit_code == 0, answered.output
    return json.loads(answered.stdout)


def test_the_list_says_when_each_query_runs_and_how_its_last_run_went(queries: Any, lists: Mirrored) -> None:
    vips, lapsed = read(queries("--json"))
    assert (vips["query"], vips["audience"], vips["reads"]) == ("vips", "default/audience/vips", "people")
    assert len(vips["next"]) == 5
    assert (lapsed["next"], lapsed["paused"], vips["last"]) == ([], "paused = true in connections.toml", None)
    begun = read(queries("run", "vips", "--json"))["run"]
    assert queries().stdout.count("running") == 1
    worker.run(begun)
    lists.settle()
    (run,) = read(queries("runs", "vips", "--json"))
    assert (run["run"], run["state"], run["rows"], run["counts"]["adds"]) == (begun, "delivered", 2, 1)
    assert run["outcomes"]["delivered"] == 1
    shown = queries("runs").stdout
    assert begun in shown
    assert "delivered" in shown
    assert all(words in queries().stdout for words in ("30 6 * * *", "(Europe/Berlin)", "by hand", "paused"))


def test_the_rows_that_cannot_be_sent_have_numbers_and_reasons(queries: Any, lists: Mirrored) -> None:
    begun = read(queries("run", "vips", "--json"))["run"]
    assert "were not compared yet" in queries("rows", begun).stderr
    worker.run(begun)
    lists.settle()
    assert queries("rows", begun).stdout == "email_invalid: row 2\n"
    assert read(queries("rows", begun, "--json")) == {"email_invalid": [2]}
    rows = list(csv.reader(StringIO(queries("rows", begun, "--csv").stdout)))
    assert rows == [["row", "reason"], ["2", "email_invalid"]]


def test_the_people_whom_a_run_changed_are_named_as_long_as_they_are_on_the_list(
    queries: Any, lists: Mirrored, tmp_path: Path
) -> None:
    begun = read(queries("run", "vips", "--json"))["run"]
    worker.run(begun)
    lists.settle()
    masked = {"total": 1, "people": [{"person": "a***@e***.com", "attributes": []}]}
    assert read(queries("rows", begun, "--kind", "added", "--json")) == masked
    assert "ann@example.com" in queries("rows", begun, "--kind", "added", "--personal-data").stdout
    assert read(queries("rows", begun, "--kind", "removed", "--json")) == {"total": 0, "people": []}
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as database, database:
        database.execute("delete from people where email = 'ann@example.com'")
        database.execute("insert into people values ('bob@example.com')")
    again = read(queries("run", "vips", "--confirm", "--json"))["run"]
    worker.run(again)
    lists.settle()
    assert queries("rows", again, "--kind", "removed", "--csv").stdout.splitlines() == ["person,attributes", ","]
    assert "(not on the list)" in queries("rows", begun, "--kind", "added").stdout


def test_a_second_run_is_refused_until_the_first_is_cancelled(queries: Any, redis: Redis) -> None:
    begun = read(queries("run", "vips", "--json"))["run"]
    again = queries("run", "vips")
    assert again.exit_code == 1
    assert f"run {begun} has not ended" in again.stderr.replace("\n", " ")
    assert "is being cancelled" in queries("cancel", "vips").stdout
    worker.run(begun)
    assert records.runs(redis, "vips")[0].state == "cancelled"
    assert "No run of vips" in queries("cancel", "vips").stdout
    assert [entry.what for entry in audit.read(redis, 3)] == ["query cancel", "query run", "query run"]


def test_pause_and_resume_are_remembered_with_their_reason(queries: Any, redis: Redis) -> None:
    assert "is paused. To go on: ferry queries resume vips" in queries("pause", "vips", "--reason", "migration").stdout
    assert "paused already" in queries("pause", "vips", "--reason", "again").stdout
    assert "migration" in queries().stdout
    pause = state(redis).pause
    assert pause is not None
    assert (pause.reason, pause.by.partition(":")[0]) == ("migration", "cli")
    assert queries("resume", "vips").exit_code == 0
    assert "was not paused" in queries("resume", "vips").stdout
    assert queries("pause", "vips", "--reason", " ").exit_code == 2


def test_waiting_for_a_run_ends_with_its_result(queries: Any, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    assert queries("run", "nobody").exit_code == 1
    monkeypatch.setattr("ops.sync.follow._AWAY_S", 0.0)
    away = queries("run", "vips", "--wait")
    assert away.exit_code == 1
    assert "no scheduler is running" in away.stderr
    running = state(redis).running
    leases.cancel(redis, running, now_ms())
    worker.run(running)
    gone = queries("run", "lapsed", "--wait", "--quiet")
    assert gone.exit_code == 1


@pytest.fixture
def working(lists: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a command waits, a minute passes at each look, and a worker goes a step on."""
    passed = [0.0]

    def step(_: float) -> None:
        passed[0] += 60
        if (running := state(lists.redis).running) and passed[0] == 60:
            worker.run(running)
        lists.system.work()

    monkeypatch.setattr("ops.sync.follow.time", SimpleNamespace(sleep=step, monotonic=lambda: monotonic() + passed[0]))
    monkeypatch.setattr("ops.sync.follow._AWAY_S", math.inf)


@pytest.mark.usefixtures("working")
def test_waiting_goes_on_until_each_change_of_the_run_is_settled(queries: Any, lists: Mirrored) -> None:
    waited = queries("run", "vips", "--wait")
    assert (waited.exit_code, lists.klaviyo.members("VIPs")) == (0, {"ann@example.com"}), waited.output
    assert "Delivered. Klaviyo's list was checked for each change, and no changes are pending." in waited.stdout
    assert "not delivered yet" not in waited.stdout


@pytest.mark.usefixtures("working")
def test_a_change_that_becomes_a_dead_letter_later_ends_the_waiting_with_a_failure(
    queries: Any, lists: Mirrored
) -> None:
    imports = {"path": "/api/profile-bulk-import-jobs", "body": "ann@example.com"}
    lists.klaviyo.control("faults", fault="429", retry_after=20, match=imports)
    lists.klaviyo.control("faults", fault="400", times=9, match=imports)
    waited = queries("run", "vips", "--wait", "--json")
    assert waited.exit_code == 1
    assert "1 of its changes are dead letters" in waited.stderr
    assert json.loads(waited.stdout)["state"] == "failed"


@pytest.mark.usefixtures("working")
def test_a_run_whose_changes_are_held_ends_the_waiting_with_the_remedy(queries: Any, lists: Mirrored) -> None:
    holds.place(lists.redis, Queue("default", "audience", "vips"), holds.Hold("operator", now_ms()))
    waited = queries("run", "vips", "--wait")
    assert waited.exit_code == 1
    assert "To release it: ferry release default/audience/vips" in waited.stderr


@pytest.mark.usefixtures("working")
def test_when_the_time_to_wait_is_over_the_message_says_how_far_the_run_is(
    queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(worker, "run", lambda _: None)
        waited = queries("run", "vips", "--wait", "--wait-minutes", "3")
    assert waited.exit_code == 4
    assert "has not ended within 3 minutes, and goes on (waiting for a worker" in waited.stderr


def test_the_slots_that_are_shown_are_those_that_run(queries: Any) -> None:
    (vips, _) = read(queries("--json"))
    first = due.following(due.Schedule("30 6 * * *", None, "Europe/Berlin"), now_ms())
    assert first == ms_of(vips["next"][0])
