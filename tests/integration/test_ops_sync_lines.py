from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from queues import metrics
from queues.census import count
from tests.support.world import QUEUE, World


def line(email: str | None, joins: bool = True, audience: int | None = 42, at: int = 1_700_000_000_000) -> str:
    told: dict[str, Any] = {"MembershipChangedTimestamp": at, "IsMember": joins}
    told["UserIdentities"] = {"Email": email} if email else {"Other": "x"}
    return json.dumps(told if audience is None else {**told, "AudienceId": audience, "AudienceName": "VIPs"})


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    lines = [line(f"p{i}@example.com") for i in range(1_200)]
    lines += [line("p0@example.com", joins=False, at=1_700_000_000_001), line(None), line("z@example.com", audience=7)]
    found = tmp_path / "export.json"
    found.write_text("\n".join(lines) + "\n")
    return found


def test_lines_are_accepted_in_their_order_as_single_changes_of_the_audience(
    world: World, command: Any, redis: Redis, exported: Path
) -> None:
    told = command("sync", "42", str(exported), "--name", "VIPs")
    assert told.exit_code == 0, told.output
    assert "1,200 adds and 1 removals accepted" in told.stdout
    assert "1 lines left out: of other audiences" in told.stdout
    (found,) = count(redis, [QUEUE])
    assert (found.waiting.pending, found.name) == (1_201, "VIPs")
    world.deliver(20)
    assert world.members() == {f"p{i}@example.com" for i in range(1, 1_200)}


def test_a_file_that_is_given_again_is_not_stored_twice(
    world: World, command: Any, redis: Redis, exported: Path
) -> None:
    for _ in range(2):
        assert command("sync", "42", str(exported), "--name", "VIPs").exit_code == 0
    assert count(redis, [QUEUE])[0].accepted == 1_201


def test_a_line_whose_time_cannot_be_counts_as_of_its_arrival_and_is_counted_once_for_the_metrics(
    world: World, command: Any, redis: Redis, exported: Path
) -> None:
    exported.write_text(f"{line('ann@example.com')}\n{line('ben@example.com', at=86_400_000)}\n")
    for _ in range(2):
        assert command("sync", "42", str(exported), "--name", "VIPs").exit_code == 0
    assert (count(redis, [QUEUE])[0].accepted, count(redis, [QUEUE])[0].dead) == (2, 0)
    assert metrics.read(redis) == {(metrics.CLAMPED, "default", "changes"): 1}


def test_a_broken_line_stops_it_and_the_repetition_goes_on_where_it_was(
    world: World, command: Any, redis: Redis, exported: Path
) -> None:
    whole = exported.read_text()
    exported.write_text(whole + '{"IsMember": 1}\n')
    told = command("sync", "42", str(exported), "--name", "VIPs")
    assert told.exit_code == 1
    assert "line 1,204" in told.stderr
    assert "1,000 changes before it were accepted" in told.stderr
    exported.write_text(whole)
    assert command("sync", "42", str(exported), "--name", "VIPs").exit_code == 0
    assert count(redis, [QUEUE])[0].accepted == 1_201


def test_a_dry_run_of_lines_counts_them_only(world: World, command: Any, redis: Redis, exported: Path) -> None:
    told = json.loads(command("sync", "42", str(exported), "--name", "VIPs", "--dry-run", "--json").stdout)
    assert (told["accepted"], told["add"], told["remove"], told["nobody"]) == (False, 1_200, 1, 1)
    assert not redis.dbsize()


def test_lines_that_name_no_audience_are_of_the_one_that_is_given(
    world: World, command: Any, redis: Redis, tmp_path: Path
) -> None:
    file = tmp_path / "lines"
    file.write_text(line("a@example.com", audience=None) + "\n")
    assert command("sync", "42", str(file), "--name", "VIPs").exit_code == 0
    assert count(redis, [QUEUE])[0].accepted == 1


def test_what_is_for_snapshots_only_is_refused_for_lines(
    world: World, command: Any, redis: Redis, exported: Path
) -> None:
    told = command("sync", "42", str(exported), "--name", "VIPs", "--reconcile")
    assert (told.exit_code, "lines are single changes" in told.stderr) == (2, True)
