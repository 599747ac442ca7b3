"""`ferry up`: one command for all of it, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from local import group_files, ports
from tests.support.ops import ferry_process
from tests.support.up import CHANGES, HurriedUp, Up
from tests.support.waiting import until

#: The programs of a group with a Redis and a Klaviyo of its own.
ALL = {"ferry up", "redis", "emulator", "worker 1", "scheduler", "web"}


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running group, in a folder too deep for a socket."""
    up = HurriedUp(tmp_path_factory.mktemp("group") / ("deep" * 30), "--workers", "2")
    try:
        up.wait_until_up()
        yield up
    finally:
        up.end()


def written_down(group: Up) -> bool:
    """Whether the embedded server holds nothing back from its file, as it does while the disk is busy."""
    with Redis.from_url(group_files.read(group.var)["REDIS_URL"]) as redis:
        return bool(redis.info("persistence")["aof_buffer_length"] == 0)


def status(group: Up) -> dict[str, Any]:
    told = group.ferry("status", "--json")
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_other_commands_find_the_group_and_what_it_made_is_private(group: Up) -> None:
    until(lambda: len(status(group)["workers"]) == 2)
    assert status(group)["scheduler"]["alive"]
    assert stat.S_IMODE(group_files.path(group.var).stat().st_mode) == 0o600
    assert stat.S_IMODE(group.var.stat().st_mode) == 0o700
    known = group_files.read(group.var)
    assert len(known["REDIS_URL"]) < 110
    assert known["FERRY_TOKENS"].partition(":")[2] not in group.text(), "the token is not printed"


def test_the_group_is_fit_for_work(group: Up) -> None:
    until(lambda: requests.get(f"http://127.0.0.1:{group.port}/readyz", timeout=30).status_code == 200)
    verdicts = {check["check"]: check["result"] for check in json.loads(group.ferry("doctor", "--json").stdout)}
    assert verdicts.pop("latency") in ("ok", "warn"), "that of a busy machine may be anything"
    assert set(verdicts.values()) == {"ok"}


def test_a_change_goes_from_the_intake_to_the_emulator(group: Up) -> None:
    assert group.post().status_code == 202
    told = group.ferry("flush", "VIPs", "--wait")
    assert told.returncode == 0, told.stderr
    emulator = group_files.read(group.var)["KLAVIYO_BASE_URL"]
    members = requests.get(f"{emulator}/_emulator/lists/VIPs/members", timeout=30).json()["members"]
    assert sorted(members) == sorted(str(change["email"]) for change in CHANGES)


def test_a_second_group_in_the_folder_is_told_who_is_there(group: Up) -> None:
    told = group.ferry("up")
    assert told.returncode == 1
    assert f"is already running in {group.var} (process {group.process.pid})" in told.stderr


def test_programs_that_die_are_started_again_and_nothing_is_lost(group: Up) -> None:
    assert group.post().status_code == 202
    before = sum(queue["accepted"] for queue in status(group)["queues"])
    until(lambda: written_down(group))
    for name in ("web", "scheduler", "worker 1", "redis"):
        pid = group.pids()[name]
        os.kill(pid, signal.SIGKILL)
        until(lambda name=name, pid=pid: group.pids()[name] != pid)  # type: ignore[misc]
        said = f"{name} was killed by signal 9; restarting it in 1 s"
        until(lambda said=said: said in group.text())  # type: ignore[misc]
    until(lambda: group.ferry("status").returncode == 0)
    assert sum(queue["accepted"] for queue in status(group)["queues"]) == before
    until(lambda: ports.answers("127.0.0.1", group.port))
    told = group.ferry("flush", "--all", "--wait")
    assert told.returncode == 0, told.stderr


def test_a_taken_port_is_named_with_the_option_that_chooses_another(redis_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken = ferry_process(None, tmp_path, "up", "--port", str(port))
        emulator = ferry_process(None, tmp_path, "up", "--port", str(ports.any_free()), "--emulator-port", str(port))
        web = ferry_process(redis_url, tmp_path, "web", "--host", "127.0.0.1", "--port", str(port))
    assert (taken.returncode, emulator.returncode, web.returncode) == (1, 1, 1)
    assert taken.stderr == f"Error: port {port} on 127.0.0.1 is in use by another process; choose another with --port\n"
    assert "choose another with --emulator-port" in emulator.stderr
    assert "choose another with --port" in web.stderr


def test_a_folder_that_cannot_be_made_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = ferry_process(None, tmp_path / "file" / "var", "up")
    assert told.returncode == 1
    assert told.stderr == f"Error: {tmp_path}/file/var cannot be created: Not a directory; choose another --var\n"


def test_a_program_that_cannot_start_ends_the_group_with_1(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").write_text("in the way")
    told = ferry_process(
        None, tmp_path, "up", "--port", str(ports.any_free()), "--emulator-port", str(ports.any_free())
    )
    assert told.returncode == 1
    assert "Error: redis ended with exit code 1 while it started" in told.stderr
    assert f"see its output in {tmp_path}/redis.log" in told.stderr


def ends(up: Up, number: int) -> None:
    """A signal ends all of it in time."""
    pids = up.pids()
    assert up.end(number) < 20
    assert up.process.returncode == 0, up.text()
    assert [name for name, pid in pids.items() if lives(pid)] == []
    assert "Traceback" not in up.text()


def test_ctrl_c_ends_all_of_it_in_time(tmp_path: Path) -> None:
    up = Up(tmp_path / "var")
    up.wait_until_up()
    assert set(up.pids()) == ALL
    ends(up, signal.SIGINT)
    told = up.ferry("status")
    assert (told.returncode, "Start `ferry up`" in told.stderr) == (1, True)


def test_what_a_killed_supervisor_left_is_named_and_the_next_keeps_its_secrets_and_ends_on_sigterm(
    tmp_path: Path,
) -> None:
    up = HurriedUp(tmp_path / "var")
    up.wait_until_up()
    secrets = group_files.read(up.var)
    pids = up.pids()
    up.process.kill()
    up.process.wait(60)
    told = up.ferry("up")
    left = [pid for name, pid in pids.items() if name != "ferry up"]
    try:
        assert told.returncode == 1
        assert "was killed and left processes behind. End them with `kill " in told.stderr
        assert all(str(pid) in told.stderr for pid in left)
    finally:
        for pid in left:
            os.kill(pid, signal.SIGTERM)
        until(lambda: not any(lives(pid) for pid in left))
    again = HurriedUp(up.var)
    again.wait_until_up()
    kept = group_files.read(up.var)
    assert set(again.pids()) == ALL
    ends(again, signal.SIGTERM)
    assert [kept[name] == secrets[name] for name in ("FERRY_TOKENS", "FERRY_SECRET_KEY")] == [True, True]


def test_settings_of_the_environment_are_used_and_its_secrets_not_written_down(redis_url: str, tmp_path: Path) -> None:
    mine = {"KLAVIYO_API_KEY": "pk_mine", "KLAVIYO_BASE_URL": "http://127.0.0.1:1", "REDIS_URL": redis_url}
    up = HurriedUp(tmp_path / "var", FERRY_TOKENS="mine:0123456789abcdef", FERRY_FLUSH_SIZE="7", **mine)
    up.wait_until_up()
    pids, known = up.pids(), group_files.read(up.var)
    ends(up, signal.SIGTERM)
    assert set(pids) == {"ferry up", "worker 1", "scheduler", "web"}, "Redis and Klaviyo are the environment's own"
    assert known["REDIS_URL"] == redis_url
    assert known["FERRY_FLUSH_SIZE"] == "7"
    assert known.keys().isdisjoint({"FERRY_TOKENS", "KLAVIYO_API_KEY"})
    assert "FERRY_TOKENS of this environment" in up.text()
