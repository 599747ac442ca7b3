from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from queues import keys
from queues.clock import now_ms
from queues.snapshots import members
from tests.support.people import names as people
from tests.support.syncing import file, settled, touched
from tests.support.working import working
from tests.support.world import QUEUE, World
from worker.snapshots.difference import ListDifference
from worker.snapshots.difference import drift as drift_of


@pytest.fixture
def synced(world: World, redis_url: str, command: Any, redis: Redis, tmp_path: Path) -> World:
    """Ten people on the list, by a sync."""
    with working(redis_url):
        assert command("sync", "42", file(tmp_path, *people(10)), "--name", "VIPs").exit_code == 0
        settled(redis)
    return world


def drift(command: Any, *words: str) -> dict[str, Any]:
    told = command("reconcile", "VIPs", "--json", *words)
    assert told.exit_code == 0, told.output
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_a_list_that_nobody_touched_is_what_the_ledger_says(synced: World, command: Any) -> None:
    told = command("reconcile", "42")
    assert told.exit_code == 0, told.output
    assert "They are the same people." in told.stdout


def test_drift_is_told_masked_and_repaired(synced: World, redis_url: str, command: Any, redis: Redis) -> None:
    touched(synced, "stranger@example.com", "p3@example.com")
    told = command("reconcile", "VIPs")
    assert ("s***@e***.com" in told.stdout, "stranger" in told.output) == (True, False)
    found = drift(command, "--personal-data")
    assert (found["on_the_list_only"], found["in_the_ledger_only"]) == (["stranger@example.com"], ["p3@example.com"])
    assert found["repaired"] is None
    with working(redis_url):
        assert drift(command, "--repair")["repaired"] == 2
        settled(redis)
    assert synced.members() == {*people(10)}
    assert not drift(command)["on_the_list_only"]
    assert not redis.hexists(keys.queue(QUEUE), "watching")


def test_without_a_sync_there_is_nothing_to_compare_with(world: World, command: Any) -> None:
    world.change("add", "a@example.com")
    told = command("reconcile", "42")
    assert (told.exit_code, "Sync it once" in told.stderr) == (1, True)


def test_nothing_is_repaired_while_changes_are_on_their_way(synced: World, command: Any, redis: Redis) -> None:
    synced.change("remove", "p3@example.com")
    told = command("reconcile", "42", "--repair")
    assert (told.exit_code, "1 change of default/audience/42 not delivered yet" in told.stderr) == (1, True)
    assert not redis.hexists(keys.queue(QUEUE), "watching")
    assert drift(command)["waiting"] == 1


def test_a_repair_that_would_take_too_many_off_is_not_made(
    synced: World, redis_url: str, command: Any, redis: Redis
) -> None:
    with working(redis_url):
        synced.change("add", *people(200, 10))
        settled(redis)
    members.edit(redis, QUEUE, range(members.BUCKETS), lambda _, bucket: members.Bucket({}, bucket.gone))
    told = command("reconcile", "42", "--repair")
    assert (told.exit_code, "not repaired" in told.stderr) == (1, True)
    assert len(synced.members()) == 210


def test_whoever_comes_back_gets_all_attributes_with_the_next_sync(
    world: World, redis_url: str, command: Any, redis: Redis, tmp_path: Path
) -> None:
    settings = tmp_path / "connections.toml"
    settings.write_text("[connections.default]\nfull_profile = true\n")
    given = file(tmp_path, "a@example.com,Ann", header="email,first_name")
    known = {"FERRY_CONNECTIONS": str(settings)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERRY_CONNECTIONS", str(settings))
        with working(redis_url):
            assert command("sync", "42", given, "--name", "VIPs", **known).exit_code == 0
            settled(redis)
            touched(world, "b@example.com", "a@example.com")
            assert command("reconcile", "42", "--repair", **known).exit_code == 0
            settled(redis)
            told = json.loads(command("sync", "42", given, "--json", **known).stdout)
    assert told["counts"]["updates"] == 1


def test_a_repair_leaves_the_watch_of_a_snapshot_that_came_in_between(
    synced: World, command: Any, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched(synced, "stranger@example.com", "p3@example.com")

    def drifted(*given: Any) -> ListDifference:
        members.begin(redis, QUEUE, "07-snapshot")
        return drift_of(*given)

    monkeypatch.setattr("commands.reconcile.drift", drifted)
    told = command("reconcile", "42", "--repair")
    assert (told.exit_code, "repaired in part" in told.stderr) == (1, True)
    assert redis.hget(keys.queue(QUEUE), "watching") == b"07-snapshot"


def test_a_repair_says_until_when_it_watches_for_it_may_be_killed(
    synced: World, command: Any, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(*given: Any) -> ListDifference:
        watched.append(redis.hmget(keys.queue(QUEUE), "watching", "watching_until"))
        return drift_of(*given)

    watched: list[Any] = []
    before = now_ms()
    monkeypatch.setattr("commands.reconcile.drift", looked)
    assert command("reconcile", "42", "--repair").exit_code == 0
    ((watch, until),) = watched
    assert watch.endswith(b"-repair")
    assert before < int(until) <= now_ms() + 4 * 3_600_000
    assert not redis.hexists(keys.queue(QUEUE), "watching_until")


def test_nothing_to_repair_is_said_to_be_nothing(synced: World, command: Any) -> None:
    told = command("reconcile", "42", "--repair")
    assert (told.exit_code, "queued" in told.stdout) == (0, False)
