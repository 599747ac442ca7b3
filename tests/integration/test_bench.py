"""The benchmarks work: what they measure is nobody's business here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from redis import Redis

from bench import backlog, deliveries, machines, nodes, rivals
from bench.__main__ import main
from bench.backlog import Installation, check, fill
from bench.emulated import API_KEY, Emulator, emulator
from bench.errors import BenchError
from bench.filling import acceptances, messages
from bench.flush import traced
from bench.flush_steps import STEPS, Flushed, Watch, steps_ms
from bench.limits_large import least_s
from bench.memory import weigh
from bench.messages import audience_name, number, phone
from bench.processes import cpu_s, redis_server
from bench.report import Figure, Machine, Row, Verdict, long_part, page, with_part
from bench.rivals import Rival, generate, memberships, send
from bench.segment_mapping import MESSAGES as SEGMENT_MESSAGES
from bench.segment_mapping import map_all
from bench.segment_messages import order
from emulator.server import running
from klaviyo.endpoints import Quota
from klaviyo.revision import REVISION
from queues.server.connection import connect
from tests.support.forked_bench import fork_programs


@pytest.fixture(autouse=True)
def few_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each measured installation has one worker, and its processes are forked from one that has imported Ferry."""
    monkeypatch.setattr(backlog, "WORKERS", 1)
    fork_programs(monkeypatch)


@pytest.fixture
def ferry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rival]:
    folder = tmp_path_factory.mktemp("b")  # short, for the socket in it
    with redis_server(folder) as url, rivals.ferry(url, folder, 1) as rival:
        yield rival


def test_the_figures_asked_for_end_in_a_table_with_the_machine_and_how_to_repeat_them(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    words = ["--quick", "--only", "mapping", "--only", "memory", "--only", "tick", "--out", str(page)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    written = page.read_text()
    rows = [line.split("|")[1:-1] for line in written.splitlines() if line.startswith("|")]
    whats = ["Mapping"] * 4 + ["Redis", "Redis", "Tick", "Tick", "Ticks"]
    assert [row[0].strip().split(" ")[0] for row in rows[2:]] == whats
    assert all(len(row) == 6 and row[1].strip() for row in rows[2:])
    assert all(f"{figure} " in written for figure in ("mapping", "memory", "tick")), "how long each figure took"
    assert all(words in written for words in ("cores", "Python 3.", "Valkey", "`make bench`", "### Memory"))
    assert written in result.output


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "limits_large",
            [
                "300 pending changes imported in 1 uploads",
                "The same, verified and proved, in 1 uploads",
                "Answers 429 during these 2 uploads",
            ],
        ),
        ("limits_small", ["Uploads of 100 people a minute", "Answers 429 during these 3 uploads"]),
        ("fairness", ["2 audiences of 100 changes delivered, beside one of 200"]),
        (
            "identity_backlog",
            ["Backlog of 300 new people delivered in 1 uploads", "Redis memory of a remembered person, of 600"],
        ),
        (
            "delivery",
            [
                "CPU of the workers for a change, in batches of 100",
                "CPU of the workers for a change, in batches of 10,000",
            ],
        ),
    ],
)
def test_a_backlog_is_delivered_to_the_last_change_within_the_limits(
    name: str, rows: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "benchmarks.md"
    result = CliRunner().invoke(main, ["--quick", "--only", name, "--out", str(page)])
    assert result.exit_code == 0, result.output  # it is not when a change was lost
    found = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("|")][2:]
    assert len(found) == len(rows)
    assert all(row[0].strip().startswith(start) for row, start in zip(found, rows, strict=True))
    assert all(row[1].strip() == "0" for row in found if "429" in row[0])


def test_the_ugliest_messages_are_answered_as_they_should_be(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    result = CliRunner().invoke(main, ["--quick", "--only", "ugliest", "--out", str(page)])
    assert result.exit_code == 0, result.output  # it is not when one is answered otherwise
    found = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("|")][2:]
    assert [row[0].strip().split(" ")[0] for row in found] == ["Slowest", "Slowest", "Longest"]
    assert all(float(row[1].removesuffix(" ms ")) > 0 for row in found)


def test_known_people_cost_no_look_up_for_identity_and_new_ones_three_for_each_hundred(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    result = CliRunner().invoke(main, ["--quick", "--only", "identity", "--out", str(page)])
    assert result.exit_code == 0, result.output  # it is not when a change was lost
    found = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("|")][2:]
    cells = {row[0].strip(): [each.strip() for each in row[1:]] for row in found}
    assert "6 for identity, 2 for proof" in cells["200 new people delivered"][0]
    assert "0 for identity, 2 for proof" in cells["200 known people delivered"][0]
    assert cells["Look-ups for the identity of known people"][0] == "0"
    assert any("remembered person" in name for name in cells)
    assert "22,500 new people a minute" in page.read_text()


def test_a_snapshot_is_carried_out_and_the_same_again_sends_nothing(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    result = CliRunner().invoke(main, ["--quick", "--only", "snapshots", "--out", str(page)])
    assert result.exit_code == 0, result.output  # it is not when the list or the counts are others
    found = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("|")][2:]
    assert [row[1].strip() for row in found if row[0].startswith(" Writing requests")] == ["0"]
    assert [row[1].strip() for row in found if row[0].startswith(" Peak memory")] != ["0 MB"]


def test_a_query_is_read_to_its_last_row_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    result = CliRunner().invoke(main, ["--quick", "--only", "queries", "--out", str(page)])
    assert result.exit_code == 0, result.output  # it is not when a row is missing
    found = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("|")][2:]
    databases = ["SQLite"] * 5 + ["PostgreSQL"] * 5  # tests always have a PostgreSQL
    assert all(f"3,000 rows in {name}" in row[0] for name, row in zip(databases, found, strict=True))
    assert [row[1].strip() for row in found if "changes of the second run" in row[0]] == ["0", "0"]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("segment_accept", ["Events of Segment accepted a second, 1 in a request"]),
        ("segment_mapping", [f"Mapping a message of Segment, {what}" for what in SEGMENT_MESSAGES]),
        ("segment_code", [f"Mapping a message of Segment, {what}, beside Segment's code" for what in SEGMENT_MESSAGES]),
        ("segment_memory", ["Redis memory of a pending event"]),
        ("snapshot_rows", ["Reading a row of a snapshot", "The same with phones that are no numbers"]),
    ],
)
def test_messages_and_rows_are_measured_and_none_is_lost(name: str, rows: list[str], tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    result = CliRunner().invoke(main, ["--quick", "--only", name, "--out", str(page)])
    assert result.exit_code == 0, result.output  # it is not when one was lost
    found = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("|")][2:]
    assert [row[0].strip() for row in found] == rows
    assert all(row[1].strip() and row[2].strip() for row in found)


def test_each_way_to_be_durable_is_compared_with_local_and_none_loses_a_change(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    result = CliRunner().invoke(main, ["--quick", "--only", "durable", "--out", str(page)])
    assert result.exit_code == 0, result.output  # it is not when one was lost
    found = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("|")][2:]
    ways = ["local, always", "fsync, always", "replicas:1, everysec"]
    expected = [f"Changes accepted a second, {n} in a request, {way}" for n in (1, 100) for way in ways]
    assert [row[0].strip() for row in found] == expected


def test_a_message_that_does_not_become_all_it_should_spoils_the_figure() -> None:
    with pytest.raises(BenchError, match="1 messages became 4 profiles and events instead of 5 each"):
        map_all([order(number(1), phone(1))], 5)


def test_a_change_that_does_not_lie_in_the_ledger_spoils_its_weight(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = list(acceptances(messages(3, 1)))
    with pytest.raises(BenchError, match="2 changes were stored instead of 3"):
        weigh(tmp_path_factory.mktemp("b"), "memory", found[:1], [found[1], found[2], found[2]], 3)


def test_a_change_that_is_not_delivered_spoils_the_figure(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("b")
    with (
        redis_server(folder) as url,
        Redis.from_url(url) as redis,
        running(limits_off=True) as klaviyo,
        requests.Session() as session,
    ):
        emulator = Emulator(klaviyo, session)
        emulator.make_list(audience_name(1))
        fill(redis, {1: 100})
        with pytest.raises(BenchError, match="of 100 changes 100 were accepted, 0 delivered, and 0 people"):
            check(Installation(redis, emulator, proves=True), {1: 100})


def test_an_answer_429_is_counted() -> None:
    headers = {"Authorization": f"Klaviyo-API-Key {API_KEY}", "revision": REVISION}
    with running() as klaviyo, requests.Session() as session:
        emulator = Emulator(klaviyo, session)
        assert emulator.throttled() == 0
        answers = [session.get(f"{klaviyo}/api/accounts", headers=headers, timeout=5).status_code for _ in range(5)]
        assert emulator.throttled() == answers.count(429) > 0


@pytest.mark.parametrize(("uploads", "seconds"), [(1, 0), (9, 0), (10, 1), (20, 2), (135, 14), (136, 60), (145, 61)])
def test_the_least_time_of_uploads_fills_the_window_of_a_second_and_that_of_a_minute(
    uploads: int, seconds: float
) -> None:
    assert least_s(uploads, Quota(9, 135)) == seconds


def test_a_load_is_counted_and_stored_to_the_last_change(ferry: Rival) -> None:
    closed = send(ferry, 3, 0.3)  # raises when Redis holds more or less than was answered 202
    assert closed.sent > rivals.CONNECTIONS
    opened = send(ferry, 1, 0.5, rate=200)
    assert 100 < opened.sent < 400
    assert 0 < opened.p50 <= opened.p99


def test_a_load_that_is_not_answered_202_is_no_figure() -> None:
    with running() as url, pytest.raises(BenchError, match="404"):
        generate([int(url.rsplit(":", 1)[1])], memberships(1), 0.2)


def test_senders_with_scopes_are_measured_beside_one_without(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    result = CliRunner().invoke(main, ["--quick", "--only", "scopes", "--out", str(page)])
    assert result.exit_code == 0, result.output  # whether the target is met is nothing for a busy machine
    rows = [line for line in page.read_text().splitlines() if line.startswith("| CPU of a message from")]
    assert [("a rate" in row, "without a scope" in row) for row in rows] == [(False, True), (True, True)]


def test_the_state_of_many_queues_is_read_on_a_page_of_the_same_size(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    result = CliRunner().invoke(main, ["--quick", "--only", "queues", "--out", str(page)])
    assert result.exit_code == 0, result.output  # it is not when a page is not answered or the command fails
    found = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("|")][2:]
    whats = ("the first page", "`/metrics`", "a page of `/v1/queues`", "judging the alerts")
    expected = []
    for queues in (200, 300):
        expected += [f"CPU of one reading with {queues} queues: {what}" for what in whats]
        expected += [f"HTML of the first page with {queues} queues"]
        expected += [f"CPU of `ferry {command}` with {queues} queues" for command in ("status", "doctor")]
    assert [row[0].strip() for row in found] == expected
    assert {row[5].strip() for row in found if row[0].startswith(" HTML")} == {"yes"}


def test_an_empty_app_takes_the_same_requests_as_ferry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # here programs are started as a benchmark starts them
    with rivals.empty_app(tmp_path, 2) as empty:
        result = generate(empty.ports, memberships(1), 0.3)
        assert result.sent > rivals.CONNECTIONS
        assert cpu_s(empty.pids) > 0


def test_the_steps_of_a_flush_add_up_to_its_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("b")
    with emulator(folder) as klaviyo, deliveries.ferry(folder, klaviyo.settings) as ferry:
        watch = Watch(ferry.redis)
        watch.begin()
        flush, steps = traced(watch, ferry, klaviyo, count(), klaviyo.make_list("Bought twice in 90 days"))
    assert len(steps) == len(STEPS)
    assert sum(steps) == pytest.approx(flush.ms)
    # The first one may have ended before the answer reached the client.
    assert all(ms >= 0 for ms in steps[1:])


def test_a_flush_whose_batch_no_scheduler_took_has_no_steps(ferry: Rival) -> None:
    with pytest.raises(BenchError, match="no command that shows that a scheduler has taken the batch"):
        steps_ms(Watch(ferry.redis), Flushed(0.0, 1.0, 2.0), [1.5])


def test_each_part_of_the_page_is_replaced_without_the_other() -> None:
    figure = Figure("Tick", "As it is.", [Row("Tick", "1 ms", "", Verdict())])
    machine = Machine("2026-12-01", 2, "Linux x86_64", "3.11", "Valkey 9", 0.5)
    first, long = page([figure], machine, {"tick": 60.0}), long_part([figure], machine, {"tick": 3600.0})
    whole = with_part(first, long)
    assert whole == f"{first}\n{long}"
    later = page([figure], machine, {"tick": 120.0})
    assert with_part(whole, later) == f"{later}\n{long}"
    assert with_part(first, later) == later
    slower = long_part([figure], machine, {"tick": 7200.0})
    assert with_part(whole, slower) == f"{first}\n{slower}"
    assert "it took 1 minutes here (tick 60 s)" in first
    assert "it took 60 minutes here (tick 3600 s)" in long


def test_several_processes_are_measured_on_one_redis_and_on_three_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "UPLOADS", {100: 0.25})
    page = tmp_path / "benchmarks.md"
    result = CliRunner().invoke(main, ["--quick", "--only", "machines", "--out", str(page)])
    assert result.exit_code == 0, result.output  # it is not when a change was lost
    found = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("|")][2:]
    accepted = [f"Changes accepted a second, {changes} in a request, 1 web process" for changes in (100, 1)]
    delivered = "People delivered a minute in uploads of 100, 1 worker process"
    assert [row[0].strip() for row in found] == [*accepted, delivered]
    for row in found:
        one, several = (_parts(cell) for cell in row[1:3])
        assert one.keys() == several.keys()
        assert "Redis" in one
        assert one.get("web", one.get("worker", 0)) > 0
        assert row[2].strip().endswith("on 3 nodes")


def _parts(cell: str) -> dict[str, float]:
    """Return the CPU ms of each part of a cell."""
    return {part: float(ms.replace(",", "")) for part, ms in re.findall(r"(\w+) ([\d,.]+) ms", cell)}


def test_each_node_of_a_cluster_has_its_own_part_of_the_ledger(tmp_path_factory: pytest.TempPathFactory) -> None:
    with nodes.cluster(tmp_path_factory.mktemp("b"), 3) as servers, connect(servers.url) as redis:
        for number in range(30):
            redis.set(f"key-{number}", 1)
        held = []
        for url in servers.each:
            with Redis.from_url(url) as node:
                held.append(node.dbsize())
        assert sum(held) == 30
        assert min(held) > 0
        assert servers.cpu_s() > 0
