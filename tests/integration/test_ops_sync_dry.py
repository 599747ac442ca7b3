from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from queues.snapshots import members, orders
from tests.support.people import names as people
from tests.support.syncing import SNAPSHOTS, file, settled, touched
from tests.support.working import working
from tests.support.world import QUEUE, World
from worker.process import settings_of_process


def everything(redis: Redis) -> dict[bytes, bytes | None]:
    """Every key with its value, but for the counters of requests to Klaviyo, which all processes share."""
    return {key: redis.dump(key) for key in redis.scan_iter("*") if not key.startswith(b"ferry:limits:")}


def rehearsed(command: Any, *words: str) -> dict[str, Any]:
    told = command("sync", *words, "--dry-run", "--json")
    assert told.exit_code == 0, told.output
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_a_dry_run_says_what_the_worker_then_does_and_writes_nothing(
    world: World, redis_url: str, command: Any, redis: Redis, tmp_path: Path
) -> None:
    with working(redis_url):
        command("sync", "42", file(tmp_path, *people(30)), "--name", "VIPs")
        settled(redis)
    before, asked = everything(redis), len(world.requests())
    given = file(tmp_path, *people(30, 3), "nobody@", "-")
    told = rehearsed(command, "42", given)
    assert everything(redis) == before
    assert len(world.requests()) == asked, "what the list holds is known, and nobody was asked"
    assert told["compared_with"] == "ledger"
    assert told["people"]["remove"] == ["p***@e***.com"] * 3
    with working(redis_url):
        record = json.loads(command("sync", "42", given, "--json").stdout)
    assert told["counts"] == record["counts"]
    assert told["first_rows"] == record["examples"]


def test_before_the_first_sync_klaviyo_is_asked_what_the_list_holds(
    world: World, redis_url: str, command: Any, redis: Redis, tmp_path: Path
) -> None:
    world.change("add", *people(5))
    world.deliver()
    before, posted = everything(redis), world.requests(method="POST")
    given = file(tmp_path, *people(5, 2))
    told = rehearsed(command, "VIPs", given, "--personal-data")
    assert everything(redis) == before
    assert world.requests(method="POST") == posted
    assert told["compared_with"] == "klaviyo"
    assert {name: told["counts"][name] for name in ("held", "adds", "removals", "unchanged")} == {
        "held": 5,
        "adds": 2,
        "removals": 2,
        "unchanged": 3,
    }
    assert sorted(told["people"]["remove"]) == people(2)
    with working(redis_url):
        record = json.loads(command("sync", "42", given, "--json").stdout)
    assert told["counts"] == record["counts"]


def test_with_reconcile_klaviyo_is_asked_again(
    world: World, redis_url: str, command: Any, redis: Redis, tmp_path: Path
) -> None:
    given = file(tmp_path, "a@example.com")
    with working(redis_url):
        command("sync", "42", given, "--name", "VIPs")
        settled(redis)
    touched(world, "b@example.com", "a@example.com")
    assert rehearsed(command, "42", given)["counts"]["adds"] == 0
    assert rehearsed(command, "42", given, "--reconcile")["counts"]["adds"] == 1


def test_an_audience_of_which_nothing_is_known_yet_can_be_rehearsed(
    world: World, command: Any, redis: Redis, tmp_path: Path
) -> None:
    told = command("sync", "43", file(tmp_path, *people(3)), "--name", "New ones", "--dry-run")
    assert told.exit_code == 0, told.output
    assert "Klaviyo can start flows for everybody who joins" in told.stdout
    assert "p***@e***.com" in told.stdout
    assert "p0@example.com" not in told.output
    assert ["Would", "add", "3"] in [line.split() for line in told.stdout.splitlines()]
    assert "Added" not in told.stdout
    assert everything(redis) == {}


def test_a_dry_run_tells_what_the_guard_would_say_and_what_it_does_not_know(
    world: World, command: Any, redis: Redis, tmp_path: Path
) -> None:
    members.begin(redis, QUEUE, "00-x")
    members.end(redis, QUEUE, "00-x", 1)
    names = {f"email:{address}" for address in people(200)}
    by_bucket: dict[int, dict[str, members.Member]] = {}
    for name in names:
        by_bucket.setdefault(members.bucket_of(name), {})[name] = members.Member(1)
    members.edit(redis, QUEUE, by_bucket, lambda number, _: members.Bucket(by_bucket[number]))
    world.change("add", "late@example.com")
    told = command("sync", "42", file(tmp_path, *people(100)), "--dry-run")
    assert told.exit_code == 0, told.output
    out = " ".join(told.stdout.split())
    assert "The guard would hold it for review: the snapshot takes 100 of 200 people off" in out
    assert "1 change of the audience not delivered yet" in out
    assert "0 imports, 2 look-ups of people on the list, 1 removal of people" in out
    assert "Klaviyo can start flows" not in out
    assert "would hold" not in command("sync", "42", file(tmp_path, *people(100)), "--dry-run", "--confirm").stdout


def test_a_file_that_would_be_refused_ends_with_1(world: World, command: Any, redis: Redis, tmp_path: Path) -> None:
    told = command("sync", "42", file(tmp_path, "a@example.com,x"), "--name", "VIPs", "--dry-run")
    assert (told.exit_code, "it would be refused" in told.stderr, "line 2" in told.stderr) == (1, True, True)


def test_a_download_that_lost_rows_would_be_refused_and_is(
    world: World, redis_url: str, command: Any, redis: Redis, tmp_path: Path
) -> None:
    rows = ["mpid, scanned_timestamp_ms, identity_value, identity_type", "1, 2, a@example.com, email"]
    (tmp_path / "42_VIPs.csv").write_text("\n".join(rows) + "\n")
    entry = {"file_name": "42_VIPs.csv", "total_rows": 2, "min_timestamp_ms": 1_538_596_779_000}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": [entry]}))
    words = ("sync", "42", str(tmp_path), "--name", "VIPs")
    dry = command(*words, "--dry-run")
    assert (dry.exit_code, "the manifest says 2 rows, and the file has 1" in dry.stderr) == (1, True)
    with working(redis_url):
        told = command(*words)
    assert (told.exit_code, "nothing changed" in told.stderr) == (1, True)
    entry["total_rows"] = 1
    (tmp_path / "manifest.json").write_text(json.dumps({"files": [entry]}))
    with working(redis_url):
        assert command(*words).exit_code == 0
        settled(redis)
    assert world.members() == {"a@example.com"}
    assert members.snapshot_at(redis, QUEUE) == 1_538_596_779_000
    assert orders.records(redis, SNAPSHOTS)[0].order.rows == 1


def test_the_forecast_names_the_single_requests_that_then_happen(
    world: World, redis_url: str, command: Any, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "connections.toml"
    settings.write_text('[connections.default]\ndefault_attributes = ["city"]\n')
    monkeypatch.setenv("FERRY_CONNECTIONS", str(settings))
    settings_of_process.cache_clear()
    chosen = partial(command, FERRY_CONNECTIONS=str(settings))
    with working(redis_url):
        filled = file(tmp_path, *(f"{each},Oslo" for each in people(12)), header="email,city")
        chosen("sync", "42", filled, "--name", "VIPs")
        settled(redis)
        emptied = file(tmp_path, *(f"{each}," for each in people(12)), header="email,city")
        told = rehearsed(chosen, "42", emptied)["requests"]
        before = len(world.requests("/api/profile-import", "POST"))
        chosen("sync", "42", emptied)
        settled(redis)
    made = len(world.requests("/api/profile-import", "POST")) - before
    assert (told["clears"], told["imports"], made) == (12, 1, 12)
    assert told["minutes"] > 0
