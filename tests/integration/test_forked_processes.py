"""A process that tests fork, instead of starting it, is like one that was started."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import forked
from tests.support.forked import Forked, ferry_in
from tests.support.ops import environment
from tests.support.waiting import until

SHOWN = [sys.executable, "-m", "tests.support.shown"]


def shown(var: Path, **env: str) -> dict[str, Any]:
    told = forked.run(SHOWN, environment(None, var, **env), 60)
    assert (told.returncode, told.stderr) == (7, "")
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_each_has_an_environment_files_and_chance_of_its_own(tmp_path: Path) -> None:
    one, other = shown(tmp_path, ONE="1", TMPDIR=str(tmp_path)), shown(tmp_path)
    assert one["variables"] == environment(None, tmp_path, ONE="1", TMPDIR=str(tmp_path))
    assert other["variables"] == environment(None, tmp_path)
    assert (one["temporary"], one["folder"]) == (str(tmp_path), str(Path.cwd()))
    assert other["temporary"] != one["temporary"]
    assert (one["files"], other["files"]) == (4, 4), "its streams, and the folder that it lists"
    assert one["random"] != other["random"]
    assert one["terminates"]


@pytest.mark.parametrize(
    "env", [{"FERRY_PREFIX": "other:"}, {"PYTHONPATH": "/nowhere:{root}"}, {"FERRY_KLAVIYO_REVISION": "2026-07-15"}]
)
def test_where_other_modules_would_be_imported_it_is_started(env: dict[str, str], tmp_path: Path) -> None:
    root = environment(None, tmp_path)["PYTHONPATH"]
    usual, other = shown(tmp_path), shown(tmp_path, **{name: value.format(root=root) for name, value in env.items()})
    assert other["prefix"] == env.get("FERRY_PREFIX", "")
    assert other["modules"] < usual["modules"] / 2


def test_the_prefix_of_the_folders_group_counts_too(tmp_path: Path) -> None:
    (tmp_path / "group.env").write_text("FERRY_PREFIX='other:'\n")
    usual, other = shown(tmp_path / "none"), shown(tmp_path)
    assert other["modules"] < usual["modules"] / 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_ends_it_with_its_session(number: signal.Signals, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        process = Forked([*SHOWN, "wait"], environment(None, tmp_path), log.fileno(), log.fileno(), session=True)
    until(lambda: '"pid"' in (tmp_path / "log").read_text())
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    assert json.loads((tmp_path / "log").read_text())["session"] == process.pid
    process.send_signal(number)
    assert process.wait(60) == (1 if number == signal.SIGINT else -number)


def test_the_reason_for_its_end_is_told(tmp_path: Path) -> None:
    told = forked.run([*SHOWN, "reason"], environment(None, tmp_path), 60)
    assert (told.returncode, told.stderr) == (1, "the reason\n")


def test_a_ferry_that_a_shell_calls_has_the_streams_and_the_folder_of_the_shell(tmp_path: Path) -> None:
    env = environment(None, tmp_path)
    asked = ferry_in(tmp_path, env)
    script = "cd /; ferry registration > $FERRY_VAR/out; ferry $(echo none) < /dev/null 2> $FERRY_VAR/errors; echo $?"
    command = ["sh", "-c", script]
    ran = subprocess.run(command, env=env, pass_fds=[asked], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("2\n", "")
    assert json.loads((tmp_path / "out").read_text())["name"]
    assert "No such command 'none'" in (tmp_path / "errors").read_text()
