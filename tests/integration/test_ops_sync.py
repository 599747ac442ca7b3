from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet
from redis import Redis

from ops.sync import follow
from queues import holds, keys, pending
from queues.census import Census, take_census
from queues.clock import now_ms
from queues.names import Queue
from queues.snapshots import guard, members, orders
from tests.support.people import names as people
from tests.support.syncing import SNAPSHOTS, file, settled
from tests.support.waiting import until
from tests.support.working import working
from tests.support.world import QUEUE, World


@pytest.fixture
def processes(world: World, redis_url: str) -> Iterator[None]:
    with working(redis_url):
        yield


def test_a_list_becomes_equal_to_a_file_and_then_to_another(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    told = command("sync", "42", file(tmp_path, "a@example.com", "b@example.com"), "--name", "VIPs")
    assert told.exit_code == 0, told.output
    # Which one depends on whether the worker was done before the command looked.
    assert "not delivered yet" in told.stdout or "list was checked for each change" in told.stdout
    settled(redis)
    assert world.members() == {"a@example.com", "b@example.com"}

    told = command("sync", "VIPs", file(tmp_path, "b@example.com", "c@example.com"), "--json")
    assert told.exit_code == 0, told.output
    record = json.loads(told.stdout)
    assert record["state"] in ("delivering", "delivered")
    assert record["audience"] == "default/audience/42"
    assert {name: record["counts"][name] for name in ("held", "adds", "removals", "unchanged")} == {
        "held": 2,
        "adds": 1,
        "removals": 1,
        "unchanged": 1,
    }
    settled(redis)
    assert world.members() == {"b@example.com", "c@example.com"}


def test_standard_input_may_be_gzip(world: World, processes: None, command: Any, redis: Redis, tmp_path: Path) -> None:
    packed = tmp_path / "vips.ndjson.gz"
    packed.write_bytes(gzip.compress(b'{"email":"a@example.com"}\n'))
    assert command("sync", "42", str(packed), "--name", "VIPs").exit_code == 0
    told = command("sync", "42", "-", "--format", "csv", text="email\nb@example.com\n")
    assert told.exit_code == 0, told.output
    settled(redis)
    assert world.members() == {"b@example.com"}


def test_a_parquet_file_is_a_snapshot_too(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    given = tmp_path / "vips.parquet"
    columns = {"email": ["a@example.com", "b@example.com"], "score": [1, None], "ltv": [1.5, math.nan]}
    parquet.write_table(pyarrow.table(columns), given)
    rehearsed = command("sync", "42", str(given), "--name", "VIPs", "--dry-run")
    told = command("sync", "42", str(given), "--name", "VIPs")
    assert told.exit_code == 0, told.output
    for said in (rehearsed, told):
        assert "Left out of 1 row: ltv (number_not_finite); the people are sent without it." in said.stdout
    settled(redis)
    assert world.members() == {"a@example.com", "b@example.com"}


def test_a_snapshot_that_takes_too_many_off_is_held_until_it_is_released(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    assert command("sync", "42", file(tmp_path, *people(110)), "--name", "VIPs").exit_code == 0
    settled(redis)
    held = command("sync", "42", file(tmp_path, *people(10)))
    assert held.exit_code == 1
    assert "takes 100 of 110 people off the list" in held.stderr
    assert "stays submitted" in held.stderr
    assert "Would remove 100" in " ".join(held.stdout.split())
    assert len(world.members()) == 110

    released = command("release", "42")
    assert released.exit_code == 0, released.output
    assert "Removed 100" in " ".join(released.stdout.split())
    assert f"{SNAPSHOTS} was released." in released.stdout
    until(lambda: not holds.of_queue(redis, SNAPSHOTS) and orders.records(redis, SNAPSHOTS)[0].ended is not None)
    settled(redis)
    assert world.members() == {*people(10)}


def test_a_better_file_takes_the_place_of_a_held_one(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    assert command("sync", "42", file(tmp_path, *people(110)), "--name", "VIPs").exit_code == 0
    settled(redis)
    assert command("sync", "42", file(tmp_path)).exit_code == 1
    told = command("sync", "42", file(tmp_path, *people(109)))
    assert told.exit_code == 0, told.output
    settled(redis)
    assert world.members() == {*people(109)}
    assert [record.state for record in orders.records(redis, SNAPSHOTS)] == ["delivered", "superseded", "delivered"]


def test_removals_that_are_confirmed_are_not_asked_about(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    assert command("sync", "42", file(tmp_path, *people(110)), "--name", "VIPs").exit_code == 0
    settled(redis)
    told = command("sync", "42", file(tmp_path, *people(10)), "--confirm")
    assert told.exit_code == 0, told.output
    settled(redis)
    assert len(world.members()) == 10


def test_a_file_that_cannot_be_read_changes_nothing_and_names_the_line(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    assert command("sync", "42", file(tmp_path, "a@example.com"), "--name", "VIPs").exit_code == 0
    settled(redis)
    told = command("sync", "42", file(tmp_path, "b@example.com", "c@example.com,too,many"))
    assert told.exit_code == 1
    assert "failed, and nothing changed" in told.stderr
    assert "line 3" in told.stderr
    assert world.members() == {"a@example.com"}
    (letter,) = json.loads(command("dead", "list", "--json").stdout)
    assert (letter["action"], letter["reason"]) == ("replace", "snapshot_unreadable")
    assert (letter["snapshot"]["format"], letter["queue"]) == ("csv", str(SNAPSHOTS))
    assert "snapshot_unreadable" in command("dead", "list").stdout


def test_without_processes_it_stays_submitted(world: World, command: Any, redis: Redis, tmp_path: Path) -> None:
    told = command("sync", "42", file(tmp_path, "a@example.com"), "--name", "VIPs")
    assert told.exit_code == 1
    assert "no scheduler is running" in told.stderr
    (record,) = orders.records(redis, SNAPSHOTS)
    assert (record.state, record.order.name) == ("queued", "VIPs")
    assert b"".join(orders.body(redis, record.order.snapshot)) == b"email\na@example.com\n"
    assert redis.llen(keys.WAKE) == 1


def test_a_held_connection_is_named_and_the_snapshot_stays(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    holds.place(redis, "default", holds.Hold("maintenance", 1))
    told = command("sync", "42", file(tmp_path, "a@example.com"), "--name", "VIPs")
    assert told.exit_code == 1
    assert "default is held (maintenance)" in told.stderr
    assert "stays submitted" in told.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sync", "VIPPs", "FILE"), "there is no audience 'VIPPs'"),
        (("sync", "43", "FILE", "--name", "x", "--connection", "nowhere"), "there is no connection 'nowhere'"),
        (("sync", "43", "FILE", "--name", "x", "--at", "yesterday"), "--at yesterday: neither ISO 8601"),
        (("sync", "43", "FILE", "--name", "x", "--at", "2100-01-01"), "in the future"),
        (("sync", "43", "-", "--name", "x"), "name it with --format"),
        (("sync", "", "FILE", "--name", "x"), "the audience's id is empty"),
        (("sync", "4" * 201, "FILE", "--name", "x"), "longer than 200"),
        (("export", "", "FILE"), "the audience's id is empty"),
    ],
)
def test_what_cannot_be_meant_ends_with_2_and_nothing_is_submitted(
    words: tuple[str, ...], says: str, world: World, command: Any, redis: Redis, tmp_path: Path
) -> None:
    given = [file(tmp_path, "a@example.com") if word == "FILE" else word for word in words]
    told = command(*given, text="what is this?")
    assert (told.exit_code, says in told.stderr) == (2, True), told.output
    assert {*redis.keys()} <= {keys.INSTALLATION.encode()}, "it says whose Redis it is, and nothing else"


def test_a_release_notes_that_a_person_wants_the_held_snapshot(world: World, command: Any, redis: Redis) -> None:
    order = orders.SnapshotOrder(orders.new_id(SNAPSHOTS), 1_700_000_000_000, "csv", name="VIPs")
    record = orders.Record(str(SNAPSHOTS), order, 1, 0, state="held", counts=orders.Counts(removals=7))
    orders.submit(redis, SNAPSHOTS, record, b'{"name":"VIPs","settings":{}}', 1)
    holds.place(redis, SNAPSHOTS, holds.Hold(guard.GUARD, 1))
    world.change("add", "a@example.com")
    told = command("release", "VIPs")
    assert told.exit_code == 0, told.output
    assert guard.is_confirmed(redis, SNAPSHOTS, order.snapshot)
    assert holds.of_queue(redis, SNAPSHOTS) is None


def test_the_last_snapshots_are_listed_newest_first(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    command("sync", "42", file(tmp_path, "a@example.com", "nobody"), "--name", "VIPs")
    command("sync", "42", file(tmp_path, "a@example.com", "x,y"))
    told = command("syncs", "VIPs")
    assert told.exit_code == 0, told.output
    assert told.stdout.index("failed") < told.stdout.index("delivered")
    listed = json.loads(command("syncs", "--json").stdout)
    assert [each["state"] for each in listed] == ["failed", "delivered"]
    assert "@" not in json.dumps(listed)
    assert command("syncs", "nowhere").exit_code == 1


def test_the_ledger_is_known_after_a_sync(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    command("sync", "42", file(tmp_path, "a@example.com"), "--name", "VIPs", "--at", "2024-01-01T00:00:00Z")
    settled(redis)
    assert members.snapshot_at(redis, QUEUE) == 1_704_067_200_000


def test_whoever_stops_waiting_is_told_that_the_snapshot_is_carried_out_all_the_same(
    world: World, command: Any, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("commands.sync.follow", stopped)
    told = command("sync", "42", file(tmp_path, "a@example.com"), "--name", "VIPs")
    (record,) = orders.records(redis, SNAPSHOTS)
    assert (told.exit_code, f"snapshot {record.order.snapshot} is carried out" in told.stderr) == (1, True)


def test_a_worker_that_is_away_for_a_moment_is_waited_for(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Census] = []

    def looked(redis: Redis, queues: Sequence[Queue]) -> Census:
        seen.append(take_census(redis, queues))
        return replace(seen[-1], workers={}) if len(seen) == 1 else seen[-1]

    monkeypatch.setattr(follow, "take_census", looked)
    told = command("sync", "42", file(tmp_path, "a@example.com"), "--name", "VIPs")
    assert told.exit_code == 0, told.output
    assert seen


def test_an_older_file_is_said_not_to_be_carried_out(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    given = file(tmp_path, "a@example.com")
    assert command("sync", "42", given, "--name", "VIPs").exit_code == 0
    settled(redis)
    again = command("sync", "42", given)
    assert "No changes: by Ferry's record of the list, the people of the file are on it." in again.stdout
    told = command("sync", "42", given, "--at", "2024-01-01T00:00:00Z")
    assert (told.exit_code, "a newer one replaced it" in told.stderr) == (1, True)


def test_a_name_that_is_like_an_audiences_is_not_taken_for_its_id_beside_a_new_name(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    world.change("add", "ann@example.com")
    pending.flush(redis, QUEUE, now_ms())
    settled(redis)
    told = command("sync", "vips", file(tmp_path, "bob@example.com"), "--name", "VIPs")
    assert told.exit_code == 2
    assert "no audience has the id 'vips'" in told.stderr
    assert "ferry sync 42 FILE" in told.stderr
    assert world.members() == {"ann@example.com"}
    assert orders.records(redis, SNAPSHOTS) == []


def test_a_run_shows_its_columns_and_what_was_left_out(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    given = file(tmp_path, "ann@example.com,12345,Oslo", header="Email Address,Phone,City")
    for words in (("--dry-run",), ()):
        told = command("sync", "42", given, "--name", "VIPs", *words)
        assert told.exit_code == 0, told.output
        shown = " ".join(told.stdout.split())
        assert "Email Address email yes" in shown
        assert "City city not chosen" in shown
        assert "Left out of 1 row: phone_number (phone_invalid)" in shown
    legacy = tmp_path / "legacy.csv"
    legacy.write_bytes("email,city\nann@example.com,Łódź\n".encode("cp1250"))
    assert "cannot be recognised" in command("sync", "42", str(legacy), "--dry-run").stderr
    assert command("sync", "42", str(legacy), "--dry-run", "--encoding", "windows-1250").exit_code == 0


def test_a_flush_of_a_campaign_that_launches_later_says_so_and_ends(world: World, command: Any, redis: Redis) -> None:
    tomorrow = now_ms() + 86_400_000
    order = orders.SnapshotOrder(orders.new_id(SNAPSHOTS), 1, "csv", not_before=tomorrow, name="Spring")
    orders.submit(redis, SNAPSHOTS, orders.Record(str(SNAPSHOTS), order, 1, 0), b'{"name":"Spring","settings":{}}', 1)
    told = command("flush", "Spring", "--wait")
    assert told.exit_code == 0, told.output
    assert "it is launched at" in told.stdout


def test_rejected_rows_are_written_with_their_reasons_and_cells_before_and_after_a_run(
    world: World, processes: None, command: Any, redis: Redis, tmp_path: Path
) -> None:
    given = file(tmp_path, "ann@example.com,=1+1", "ann at work,x", ",y", "bob@example.com,z", header="email,note")
    for number, words in enumerate((("--dry-run",), ())):
        new = tmp_path / f"rejected{number}.csv"
        told = command("sync", "42", given, "--name", "VIPs", "--rejected", str(new), *words)
        assert told.exit_code == 0, told.output
        assert "2 rows that cannot be sent" in told.stderr
        assert new.read_text().splitlines() == [
            "row,reason,email,note",
            "2,email_invalid,ann at work,x",
            "3,identity_missing,,y",
        ]
    again = command("sync", "42", given, "--rejected", str(tmp_path / "rejected0.csv"), "--dry-run")
    assert (again.exit_code, "already exists" in again.stderr) == (2, True)
